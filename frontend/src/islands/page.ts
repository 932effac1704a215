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
/** How often the quickest of these servers reports, in seconds. */
export const everyOf = (servers: Server[]): number =>
  servers.reduce((least, { interval }) => (least && least < interval ? least : interval), 0)
/** When the newest report in a page's data was received. */
const newest = (servers: Server[]): number => servers.reduce((last, { seen }) => Math.max(last, seen ?? 0), 0)
function serversOf(props: Props & { servers?: Server[]; server?: Server }): Server[] {
  return [...(props.servers ?? []), ...(props.server ? [props.server] : [])]
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
    const servers = serversOf(first)
    const seen = newest(servers)
    if (seen) live.dataIs(first.now - seen, everyOf(servers))
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
