// What a chart says in words: the value at the cursor, the newest one with its age, how it is beside another time.
import { t } from '../words'
import { at, type ChartData, type Cluster, type Line, paceOf, type Range } from './engine'

const bare = (d: ChartData, i: number) => d.lines.every((l) => Number.isNaN(l.values[i]))

/** The sample to tell at a place: the nearest real one, if it is near enough to belong there; else -1. */
export function pick(d: ChartData, time: number): number {
  const { pause } = paceOf(d)
  const i = at(d.t, time)
  for (let k = 0; k < d.t.length; k++) {
    const left = i - k
    const right = i + k
    if (left >= 0 && !bare(d, left) && Math.abs(d.t[left] - time) <= pause) return left
    if (right < d.t.length && !bare(d, right) && Math.abs(d.t[right] - time) <= pause) return right
    const done = (left < 0 || time - d.t[left] > pause) && (right >= d.t.length || d.t[right] - time > pause)
    if (done) return -1
  }
  return -1
}
/** The newest point up to a time, however long ago; -1 when there is none. */
export function newest(d: ChartData, until: number): number {
  let i = Math.min(at(d.t, until), d.t.length - 1)
  while (i >= 0 && (bare(d, i) || d.t[i] > until)) i--
  return i
}
/** A line's value at a point; where it stands for unlike samples, the lowest and highest: nobody measured their mean. */
function lineText(d: ChartData, line: Line, fmt: (v: number) => string, i: number): string {
  const { pause } = paceOf(d)
  let k = i
  // lines measured less often show their last one while it is near enough
  while (k >= 0 && d.t[i] - d.t[k] <= pause && Number.isNaN(line.values[k])) k--
  if (k < 0 || d.t[i] - d.t[k] > pause) return '–'
  const [low, high] = [line.low?.[k] ?? Number.NaN, line.high?.[k] ?? Number.NaN]
  if (!(low < high)) return fmt(line.values[k])
  const [from, to] = [fmt(low), fmt(high)]
  return from === to ? to : `${bareNumber(from, to)}–${to}`
}
const unit = (text: string) => /(\s%|%|\s\S+)$/.exec(text)?.[0] ?? ''
/** A number without its unit when the next one carries the same. */
const bareNumber = (text: string, next: string) =>
  unit(text) && unit(text) === unit(next) ? text.slice(0, -unit(text).length) : text
/** All lines at one sample, the unit written once: "493 · 217 MB/s". Missing samples say so. */
export const valueText = (d: ChartData, fmt: (v: number) => string, i: number) => {
  if (i < 0 || bare(d, i)) return d.words?.none ?? 'no data'
  return joined(d.lines.map((line) => lineText(d, line, fmt, i)))
}
const joined = (parts: string[]) => {
  const end = parts[parts.length - 1] ?? ''
  return parts.map((x, k) => (k < parts.length - 1 && /\s[^\s%]/.test(end) ? bareNumber(x, end) : x)).join(' · ')
}
/** What the headline says: the value at the cursor, else the newest one measured, with its age once it is old. */
export function headline(
  d: ChartData,
  fmt: (v: number) => string,
  hover: number | null,
  end: number,
  live = false,
): [string, string] {
  if (hover !== null) return [valueText(d, fmt, pick(d, hover)), '']
  // the newest is told when it comes: the end of a range that follows the present may be a moment behind it
  const i = newest(d, live ? Number.POSITIVE_INFINITY : end)
  const age = (time: number) => d.words?.ago?.(time) ?? ''
  if (i >= 0) return [valueText(d, fmt, i), end - d.t[i] > paceOf(d).pause ? age(d.t[i]) : '']
  const { last } = d
  if (!last?.values.size || last.at > end) return [d.words?.none ?? 'no data', '']
  return [joined([...last.values.values()].map(fmt)), age(last.at)]
}

/** What happened near a place, in as many words as fit beside a cursor. */
export function markText({ marks }: Cluster): string {
  const [first] = marks
  const text = first ? first.text : ''
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text
  return marks.length > 1 ? t('server.marksMore', { text: short, n: marks.length - 1 }) : short
}
/** The mean of the first line over a range, its NaN left out. */
function mean(times: Float64Array, values: Float64Array, [from, to]: Range): number {
  let sum = 0
  let n = 0
  for (let i = 0; i < times.length; i++) {
    if (times[i] < from || times[i] > to || Number.isNaN(values[i])) continue
    sum += values[i]
    n++
  }
  return n ? sum / n : Number.NaN
}
/** How much more or less than the other time: "+7%", "2.8×"; empty where either is not known. */
export function contrast(d: ChartData, range: Range): string {
  const line = d.lines[0]
  if (!d.ghost || !line) return ''
  const here = mean(d.t, line.values, range)
  const there = mean(d.ghost.t, d.ghost.values, range)
  if (Number.isNaN(here) || Number.isNaN(there) || there === 0) return ''
  const times = here / there
  if (times >= 2) return `${times.toFixed(1)}×`
  const share = Math.round((times - 1) * 100)
  return share === 0 ? '±0\u00a0%' : `${share > 0 ? '+' : '−'}${Math.abs(share)}\u00a0%`
}
