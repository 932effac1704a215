// The ways React parts follow the fleet: its data, the beat of the page, history, and the page's address.
import { useCallback, useEffect, useReducer, useState } from 'react'
import { live } from '../../live'
import { learn, now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { FleetProps } from '../../types'
import { useOnce } from '../../ui/parts'
import { everyOf } from '../page'
import type { Tile } from './model'
import { Fleet } from './store'

const AGAIN_MS = 5000
const BEAT_MS = 1000
const HISTORY_MS = 300_000
const SETTLE_MS = 400

export function useFleet(first: FleetProps): Fleet {
  const fleet = useOnce(() => new Fleet(first))
  useEffect(() => {
    const newest = fleet.servers.reduce((last, server) => Math.max(last, server.seen ?? 0), 0)
    if (newest) live.dataIs(first.now - newest, everyOf(fleet.servers))
    const reload = async () => {
      const page = await getJson<FleetProps>(location.pathname)
      learn(page.now)
      fleet.load(page)
      return page.seq
    }
    let asked = 0
    return live.watch({
      topics: first.seq,
      light: true,
      on: (message) => {
        if (fleet.fold(message) || performance.now() - asked < AGAIN_MS) return
        asked = performance.now() // a server we never heard of
        reload().catch(() => undefined)
      },
      reload,
    })
  }, [fleet, first])
  return fleet
}
/** Draws again with what a message brought, and at least once a second for the ages; not while nobody looks. */
export function useBeat(fleet: Fleet): number {
  const [, tick] = useReducer((n: number) => n + 1, 0)
  useEffect(() => {
    let frame = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    const beat = () => {
      frame = 0
      clearTimeout(timer)
      if (document.hidden) return
      tick()
      timer = setTimeout(beat, BEAT_MS)
    }
    const stop = fleet.subscribe(() => {
      if (!document.hidden) frame ||= requestAnimationFrame(beat)
    })
    document.addEventListener('visibilitychange', beat)
    beat()
    return () => {
      stop()
      clearTimeout(timer)
      cancelAnimationFrame(frame)
      document.removeEventListener('visibilitychange', beat)
    }
  }, [fleet])
  return now()
}
export interface Handled {
  kind: 'ended' | 'endedMore' | 'folded' | 'grouped' | 'silenced'
  title: string
  at: number
  url: string
  n?: number
  lasted?: number
}
export type Lines = Record<string, Array<number | null>>
export interface Today {
  t: number
  step: number
  lines: Lines
  before: ({ ago: 'week' | 'day' } & Partial<Record<Tile['key'], number | null>>) | null
  handled: Handled[]
}
/** History comes after the page stands; it is asked again every five minutes, and when a trouble ended. */
export function useToday(fleet: Fleet): Today | null {
  const [today, set] = useState<Today | null>(null)
  const load = useCallback(() => {
    if (!document.hidden) getJson<Today>('/api/v1/fleet/today').then(set, () => undefined)
  }, [])
  useEffect(() => {
    let open = fleet.incidents.length
    let { loads } = fleet
    let soon = setTimeout(load, SETTLE_MS)
    const stop = fleet.subscribe(() => {
      if (fleet.incidents.length < open) {
        clearTimeout(soon)
        soon = setTimeout(load, AGAIN_MS)
      }
      if (fleet.loads !== loads) load() // other servers, it may be
      loads = fleet.loads
      open = fleet.incidents.length
    })
    const timer = setInterval(load, HISTORY_MS)
    return () => {
      stop()
      clearTimeout(soon)
      clearInterval(timer)
    }
  }, [fleet, load])
  return today
}
/** What the address says of the page; each change is written there, so that every view can be shared. */
export function useAddress(): [
  URLSearchParams,
  (change: Record<string, string | null>) => void,
  (query: string) => void,
] {
  const [params, set] = useState(() => new URLSearchParams(location.search))
  const show = useCallback((next: URLSearchParams) => {
    const text = next.toString()
    history.replaceState(history.state, '', text ? `?${text}` : location.pathname)
    set(next)
  }, [])
  const change = useCallback(
    (wanted: Record<string, string | null>) => {
      const next = new URLSearchParams(location.search)
      for (const [key, value] of Object.entries(wanted)) {
        if (value) next.set(key, value)
        else next.delete(key)
      }
      show(next)
    },
    [show],
  )
  const whole = useCallback((query: string) => show(new URLSearchParams(query)), [show])
  useEffect(() => {
    const back = () => set(new URLSearchParams(location.search))
    addEventListener('popstate', back)
    return () => removeEventListener('popstate', back)
  }, [])
  return [params, change, whole]
}
