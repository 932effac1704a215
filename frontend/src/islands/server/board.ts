// The charts of one server: their shared time, and what keeps them filled. History comes when the time changes, live
// points after it; limits, alerts, marks and the other time come beside it, and their failure hurts no chart.
import { useCallback, useEffect, useReducer, useRef, useState } from 'react'
import { whileSeen } from '../../awake'
import type { Range } from '../../charts/engine'
import { Sync } from '../../charts/sync'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { SeriesAnswer, Server } from '../../types'
import { useOnce } from '../../ui/parts'
import { DAY, DEFAULT, type Place, read, shiftOf, write } from './place'
import { blurred, Chart, isReal, METRICS, SPECS, sharpen } from './series'
import type { Around } from './types'

const YOUNG = 900
const WEEK = 7 * DAY
const LAST_STEPS = 12
const WIDEST = 400 * DAY
const [SOONEST, LATEST] = [300, 3600]
export type Points = { t: number[]; series: Record<string, Array<number | null>> }
export type Loaded = 'loading' | 'ready' | { failed: string }

/** At most two points for each pixel of a chart. */
export const points = () => (innerWidth < 820 ? 400 : 600)

/** What was measured in a time, in so many points; without a number every single sample. */
export function fetchPoints(
  id: string,
  metrics: readonly string[],
  [from, to]: Range,
  signal?: AbortSignal,
  count?: number,
): Promise<SeriesAnswer> {
  const query = new URLSearchParams({ server: id })
  if (count) query.set('points', String(count))
  query.set('start', String(Math.floor(from)))
  query.set('end', String(Math.ceil(to)))
  for (const metric of metrics) query.append('metric', metric)
  return getJson<SeriesAnswer>(`/api/v1/series?${query}`, signal)
}
export async function fetchHistory(
  id: string,
  metrics: readonly string[],
  range: Range,
  signal: AbortSignal,
): Promise<SeriesAnswer> {
  const answer = await fetchPoints(id, metrics, range, signal, points())
  const end = blurred(answer)
  if (!end || end[1] < now() - DAY) return answer
  return sharpen(answer, await fetchPoints(id, metrics, end, signal).catch(() => ({ t: [], step: 0, series: [] })))
}
/** The same charts at the other time, or of the other server. */
export function fetchOther(
  id: string,
  metrics: readonly string[],
  [from, to]: Range,
  compare: string,
  signal: AbortSignal,
): Promise<SeriesAnswer | null> {
  if (!compare) return Promise.resolve(null)
  const shift = shiftOf(compare)
  const whose = compare.startsWith('server:') ? compare.slice(7) : id
  return fetchPoints(whose, metrics, [from - shift, to - shift], signal, points())
}
/** Whether a machine was watched before: a pause must not look like a beginning. */
async function hasOlder(id: string, before: number): Promise<boolean> {
  const range: Range = [before - WEEK, before - 1]
  const answer = await fetchPoints(id, ['cpu_used_percent'], range, undefined, 50).catch(() => null)
  return !answer || answer.series.some((line) => line.v.some(isReal))
}
const why = (error: unknown) => (error instanceof Error ? error.message : '')

/** A page that stays open loads its time anew: points do not pile up, limits, alerts and the other time keep up. */
export const renewAfter = (span: number): number => Math.min(LATEST, Math.max(SOONEST, span / 4))

/** Everything on the page that follows the same time and the same live points. */
export interface Board {
  id: string
  interval: number
  sync: Sync
  charts: Chart[]
  around: Around | null
  place: Place
  loaded: Loaded
  partial: string[] // what could not be had, in words of the hub
  version: number // one more each time the range was loaded
  hearers: Set<(points: Points) => void>
  pick: (seconds: number) => void
  fix: (range: Range) => void
  compare: (what: string) => void
  show: (chart: string) => void
  append: (points: Points) => void
  again: () => void
}
export function useBoard(server: Server): Board {
  const { id, interval } = server
  const latest = useRef(server)
  latest.current = server
  const first = useOnce(() => read(location.search))
  const charts = useOnce(() => SPECS.map((spec) => new Chart(spec, interval)))
  const sync = useOnce(() => {
    const made = new Sync([now() - (first.span ?? DEFAULT), now()])
    made.widest = WIDEST
    made.compare = true
    if (first.fixed) made.setRange(first.fixed)
    return made
  })
  const hearers = useOnce(() => new Set<(points: Points) => void>())
  const [place, setPlace] = useState<Place>({ ...first, span: first.fixed ? null : (first.span ?? DEFAULT) })
  const here = useRef(place)
  const [loaded, setLoaded] = useState<Loaded>('loading')
  const [partial, setPartial] = useState<string[]>([])
  const [around, setAround] = useState<Around | null>(null)
  const [version, renew] = useReducer((n: number) => n + 1, 0)
  const loading = useRef<AbortController | null>(null)
  const waiting = useRef<Points[]>([])
  const begun = useRef(0)
  const settled = useRef(first.span !== null || !!first.fixed) // which time is shown: by somebody, or looked at below

  const append = useCallback(
    (news: Points) => {
      if (loading.current) {
        waiting.current.push(news)
        return
      }
      if (!sync.live) return // a range that stands still; going back loads what came meanwhile
      const changed = charts.map((chart) => chart.append(news.t, news.series))
      for (const hear of hearers) hear(news)
      if (changed.some(Boolean)) renew()
      sync.follow(now())
      sync.redraw()
    },
    [charts, sync, hearers],
  )
  /** Where nobody chose a time, a machine that began just now shows its minutes: looked at with what came first. */
  const settle = useCallback(
    async (answer: SeriesAnswer) => {
      if (settled.current) return
      const start = answer.t.find((_, i) => answer.series.some((line) => isReal(line.v[i]))) ?? now()
      const young = now() - start <= YOUNG && !(await hasOlder(id, start))
      if (settled.current) return
      settled.current = true
      if (!young) return
      sync.floor = start
      here.current = { ...here.current, span: YOUNG }
      setPlace(here.current)
      sync.setSpan(YOUNG)
    },
    [id, sync],
  )
  const load = useCallback(
    async (range: Range, quiet = false) => {
      loading.current?.abort()
      const mine = new AbortController()
      loading.current = mine
      begun.current = now()
      if (!quiet) setLoaded('loading')
      const lost: string[] = []
      const miss = (error: unknown) => {
        if (!mine.signal.aborted) lost.push(why(error))
        return null
      }
      const { compare } = here.current
      const [start, end] = [Math.floor(range[0]), Math.ceil(range[1])]
      const beside = Promise.all([
        getJson<Around>(`/api/v1/servers/${id}/around?start=${start}&end=${end}`, mine.signal).catch(miss),
        fetchOther(id, METRICS, range, compare, mine.signal).catch(miss),
      ])
      try {
        const answer = await fetchHistory(id, METRICS, range, mine.signal)
        if (mine.signal.aborted) return // its last points may be missing, and another range is loading
        for (const chart of charts) chart.load(answer)
        const { seen, interval } = latest.current
        if (seen !== null && !answer.series.some((line) => line.v.some(isReal))) {
          const past = await fetchPoints(id, METRICS, [seen - LAST_STEPS * interval, seen + 1], mine.signal)
          for (const chart of charts) chart.remember(past)
        }
        loading.current = null
        for (const news of waiting.current.splice(0)) append(news)
        setLoaded('ready')
        sync.redraw()
        void beside.then(([found, other]) => {
          if (mine.signal.aborted || loading.current) return
          for (const chart of charts) {
            chart.dress(found)
            chart.compare(other, shiftOf(compare))
          }
          sync.marks = found?.marks ?? []
          setAround(found)
          setPartial(lost)
          renew()
          sync.redraw()
        })
        renew()
        void settle(answer)
      } catch (error) {
        if (mine.signal.aborted) return
        loading.current = null
        if (!quiet) {
          for (const chart of charts) chart.fail()
          setLoaded({ failed: why(error) })
        }
        for (const news of waiting.current.splice(0)) append(news)
        sync.redraw()
      }
    },
    [id, charts, sync, append, settle],
  )
  /** Another place: in the address, so that Back leads back. */
  const go = useCallback((change: Partial<Place>) => {
    if (change.span || change.fixed) settled.current = true
    here.current = { ...here.current, odd: false, ...change }
    setPlace(here.current)
    const address = location.pathname + write(here.current)
    if (address !== location.pathname + location.search) history.pushState(null, '', address)
  }, [])
  const pick = useCallback(
    (seconds: number) => {
      go({ span: seconds, fixed: null })
      sync.floor = null
      sync.setSpan(seconds)
      void load(sync.range)
    },
    [sync, load, go],
  )
  const compare = useCallback(
    (what: string) => {
      go({ compare: what })
      void load(sync.range)
    },
    [sync, load, go],
  )
  useEffect(() => {
    let quiet = false
    const spanNow = () => Math.round(sync.home[1] - sync.home[0])
    let span = here.current.span ?? DEFAULT
    sync.onPick = (range) => {
      if (!quiet) {
        if (range) span = here.current.span ?? span
        go(range ? { fixed: range, span: null } : { fixed: null, span: sync.floor ? spanNow() : span })
      }
      void load(range ?? sync.home)
    }
    const back = () => {
      here.current = read(location.search)
      settled.current = true
      span = here.current.span ?? (here.current.fixed ? span : DEFAULT)
      if (!here.current.fixed) here.current.span = span
      setPlace(here.current)
      quiet = true
      if (here.current.fixed) sync.setRange(here.current.fixed)
      else {
        sync.setSpan(span)
        void load(sync.range)
      }
      quiet = false
    }
    addEventListener('popstate', back)
    void load(sync.range)
    const stopClock = whileSeen(() => {
      sync.follow(now())
      const old = now() - begun.current > renewAfter(sync.home[1] - sync.home[0])
      if (old && sync.live && !loading.current) void load(sync.range, true)
    }, 1000)
    return () => {
      stopClock()
      removeEventListener('popstate', back)
      loading.current?.abort()
    }
  }, [sync, load, go])
  const fix = useCallback((range: Range) => sync.setRange(range), [sync])
  const show = useCallback((chart: string) => go({ chart }), [go])
  const again = useCallback(() => void load(sync.range), [load, sync])
  return {
    id, interval, sync, charts, around, place, loaded, partial, version, hearers,
    pick, fix, compare, show, append, again,
  } // biome-ignore format: one line a sort
}
