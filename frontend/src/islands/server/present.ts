// The newest of a handful of series, asked for in one question: what cards say of disks, updates and containers.
import { useEffect, useState } from 'react'
import { now } from '../../live/clock'
import type { SeriesAnswer } from '../../types'
import { fetchPoints } from './board'
import { isReal } from './series'

export interface Value {
  metric: string
  labels: Record<string, string>
  value: number
  at: number
  day: number | null // how much more than at the beginning of the time asked for, a day
}
export type Now = Map<string, Value[]>
const DAY = 86400

/** The newest value of each series, and its slope where there is enough to tell one. */
export function newest(answer: SeriesAnswer): Now {
  const found: Now = new Map()
  for (const { metric, labels, v } of answer.series) {
    const i = v.findLastIndex(isReal)
    const first = v.findIndex(isReal)
    const [value, before] = [v[i], v[first]]
    if (!isReal(value) || !isReal(before)) continue
    const at = answer.t[i] ?? 0
    const span = at - (answer.t[first] ?? at)
    const day = span >= DAY / 4 ? ((value - before) / span) * DAY : null
    found.set(metric, [...(found.get(metric) ?? []), { metric, labels, value, at, day }])
  }
  return found
}
/** Null while it is asked for. */
export function useNewest(
  id: string,
  metrics: readonly string[],
  seconds: number,
  again: unknown,
): Now | null | string {
  const [found, set] = useState<Now | null | string>(null)
  useEffect(() => {
    const stop = new AbortController()
    fetchPoints(id, metrics, [now() - seconds, now()], stop.signal, 84).then(
      (answer) => set(newest(answer)),
      (error) => stop.signal.aborted || set(error instanceof Error ? error.message : ''),
    )
    return () => stop.abort()
  }, [id, seconds, again])
  return found
}
