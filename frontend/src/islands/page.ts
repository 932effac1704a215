// The way a page's data follows the hub: live messages are folded in, a gap loads the page's data again.
import { useCallback, useEffect, useReducer, useRef } from 'react'
import { beganAt } from '../incidents'
import { live } from '../live'
import { learn } from '../live/clock'
import { getJson } from '../live/http'
import type { Incident, Message, Props, Server } from '../types'

/** What a page does with messages beside its state, such as drawing points without React. */
interface Beside {
  on?: (message: Message) => void
  reloaded?: () => void
}
/** When the newest report in a page's data was received. */
function newest(props: Props & { servers?: Server[]; server?: Server }): number | null {
  const seen = [...(props.servers ?? []), ...(props.server ? [props.server] : [])].map((server) => server.seen ?? 0)
  const last = seen.reduce((a, b) => Math.max(a, b), 0)
  return last || null
}
/** Holds a page's data. `fold` answers the next state for one message. */
export function usePage<P extends Props>(
  first: P,
  fold: (state: P, message: Message) => P,
  beside: Beside = {},
): [P, () => Promise<void>] {
  const [state, update] = useReducer(
    (before: P, next: P | Message) => ('topic' in next ? fold(before, next) : next),
    first,
  )
  const latest = useRef(beside)
  latest.current = beside
  useEffect(() => {
    const seen = newest(first)
    if (seen !== null) live.dataIs(first.now - seen)
  }, [first])
  const load = useCallback(async () => {
    const page = await getJson<P>(location.pathname)
    learn(page.now)
    update(page)
    return page.seq
  }, [])
  useEffect(
    () =>
      live.watch({
        topics: first.seq,
        on: (message) => {
          update(message)
          latest.current.on?.(message)
        },
        reload: async () => {
          const seq = await load()
          latest.current.reloaded?.()
          return seq
        },
      }),
    [first, load],
  )
  const again = useCallback(async () => {
    await load()
  }, [load])
  return [state, again]
}
/** One incident changed or came: put it in its place, the newest first. */
export function withIncident(list: Incident[], changed: Incident): Incident[] {
  const at = list.findIndex((incident) => incident.id === changed.id)
  if (at < 0) return [changed, ...list]
  return list.map((incident, i) => (i === at ? changed : incident))
}
const RANK = { critical: 0, warn: 1 }
/** What is worst stands first; among equals what began last. */
export const byWeight = (a: Incident, b: Incident): number =>
  Number(a.state === 'acknowledged') - Number(b.state === 'acknowledged') ||
  RANK[a.severity] - RANK[b.severity] ||
  beganAt(b) - beganAt(a)
