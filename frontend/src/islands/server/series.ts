// The charts of one server: which series they are made of, how history and live points become lines.
import type { ChartData, Limit, Line } from '../../charts/engine'
import { ago, bytes, clockTime, plain, share } from '../../format'
import { now } from '../../live/clock'
import type { SeriesAnswer } from '../../types'
import { type Key, t } from '../../words'
import type { Around } from './types'

interface Part {
  metric: string
  label?: Key
  /** one line for each value of this label, or all label sets added up */
  each?: string
  /** the line a label set belongs to, where a page chose its lines itself */
  lines?: (labels: Record<string, string>) => string | null
}
export interface Spec {
  id: string
  title: Key | ''
  text?: string // a title that came with the data
  parts: Part[]
  max?: number
  fmt: (v: number) => string
  least?: number
}
export const titleOf = (spec: Spec): string => (spec.title ? t(spec.title) : (spec.text ?? ''))
const perSecond = (v: number) => `${bytes(v)}/s`

export const SPECS: Spec[] = [
  {
    id: 'cpu',
    title: 'server.cpu',
    max: 100,
    fmt: share,
    parts: [
      { metric: 'cpu_used_percent', label: 'server.busy' },
      { metric: 'cpu_iowait_percent', label: 'server.iowait' },
    ],
  },
  {
    id: 'memory',
    title: 'server.memory',
    max: 100,
    fmt: share,
    parts: [
      { metric: 'memory_used_percent', label: 'server.used' },
      { metric: 'swap_used_percent', label: 'server.swap' },
    ],
  },
  {
    id: 'load',
    title: 'server.load',
    fmt: plain,
    parts: [
      { metric: 'load1', label: 'server.load1' },
      { metric: 'load5', label: 'server.load5' },
      { metric: 'load15', label: 'server.load15' },
    ],
  },
  {
    id: 'disks',
    title: 'server.disks',
    max: 100,
    fmt: share,
    parts: [{ metric: 'disk_used_percent', each: 'mount' }],
  },
  {
    id: 'network',
    title: 'server.network',
    fmt: perSecond,
    least: 1000,
    parts: [
      { metric: 'net_received_bytes_per_second', label: 'server.in' },
      { metric: 'net_sent_bytes_per_second', label: 'server.out' },
    ],
  },
  {
    id: 'diskio',
    title: 'server.diskio',
    fmt: perSecond,
    least: 1000,
    parts: [
      { metric: 'disk_read_bytes_per_second', label: 'server.read' },
      { metric: 'disk_write_bytes_per_second', label: 'server.write' },
    ],
  },
]
export const METRICS = [...new Set(SPECS.flatMap((spec) => spec.parts.map((part) => part.metric)))]
const COLORS = ['--c1', '--c3', '--c2', '--c4']
const MOST_LINES = 4

/** Whether a label set counts: bridges and stacked devices would count the same bytes twice. */
export function mark(metric: string, labels: Record<string, string>): boolean {
  if (metric.startsWith('net_')) return !/^(lo|veth|docker|br-|virbr|cni|flannel|cali|tun|tap)/.test(labels.nic ?? '')
  if (metric.startsWith('disk_') && labels.device) return !/^(loop|ram|zram|dm-|md)/.test(labels.device)
  return true
}
/** `disk_used_percent{mount="/"}` as the live topic writes it. Inside quotes a backslash guards the next sign. */
export function parseSeries(column: string): { metric: string; labels: Record<string, string> } {
  const brace = column.indexOf('{')
  if (brace < 0) return { metric: column, labels: {} }
  const labels: Record<string, string> = {}
  for (const [, key, value] of column.slice(brace).matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    if (key !== undefined) labels[key] = (value ?? '').replace(/\\(.)/g, (_, sign) => (sign === 'n' ? '\n' : sign))
  return { metric: column.slice(0, brace), labels }
}
const real = (v: number | null | undefined) => (v === null || v === undefined ? Number.NaN : v)
const added = (sum: Float64Array | undefined, more: Array<number | null> | undefined) =>
  Float64Array.from(more ?? [], (v, i) => add(sum?.[i] ?? Number.NaN, real(v)))
const add = (a: number, b: number) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + b)

/** What every chart says beside its numbers. */
export const wordsOf = () => ({
  none: t('value.none'),
  before: (at: number) => t('server.before', { time: clockTime(at) }),
  ago: (at: number) => ago(now() - at),
})
/** A series as the live topic names it. */
export const columnOf = ({ metric, labels }: { metric: string; labels: Record<string, string> }): string =>
  `${metric}{${Object.entries(labels)
    .map(([key, value]) => `${key}="${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join()}}`

/** Where the newest point of an answer stands for several unlike samples, the time it covers: these are asked for singly. */
export function blurred(answer: SeriesAnswer): [number, number] | null {
  const i = answer.t.findLastIndex((_, k) => answer.series.some((one) => isReal(one.v[k])))
  const from = answer.t[i]
  const unlike = answer.series.some((one) => isReal(one.min?.[i]) && one.min?.[i] !== one.max?.[i])
  return from !== undefined && unlike ? [from, from + answer.step] : null
}
export const isReal = (v: number | null | undefined): v is number => v !== null && v !== undefined

/** The newest point of an answer gives way to the samples it stands for. */
export function sharpen(answer: SeriesAnswer, single: SeriesAnswer): SeriesAnswer {
  const i = answer.t.findLastIndex((_, k) => answer.series.some((one) => isReal(one.v[k])))
  const from = single.t.findIndex((time) => time >= (answer.t[i] ?? Number.POSITIVE_INFINITY))
  if (from < 0) return answer
  const times = single.t.slice(from)
  const found = new Map(single.series.map((one) => [columnOf(one), one.v.slice(from)]))
  const none = times.map(() => null)
  const series = answer.series.map((one) => {
    const more = found.get(columnOf(one)) ?? none
    const head = (list: Array<number | null> | undefined) => [...(list ?? []).slice(0, i), ...more]
    return { ...one, v: head(one.v), min: head(one.min), max: head(one.max) }
  })
  return { ...answer, t: [...answer.t.slice(0, i), ...times], series }
}
/** One chart's data: same object for life, its arrays grow and are replaced in place. */
export class Chart {
  readonly data: ChartData
  private names: string[] = []
  constructor(
    readonly spec: Spec,
    private interval: number,
  ) {
    this.data = {
      t: new Float64Array(0),
      lines: [],
      step: interval,
      words: wordsOf(),
    }
    if (spec.max) this.data.max = spec.max
    if (spec.least) this.data.least = spec.least
  }
  /** The line a series belongs to; null when it is not on this chart. */
  private lineOf(metric: string, labels: Record<string, string>): string | null {
    const part = this.spec.parts.find((one) => one.metric === metric)
    if (part?.lines) return part.lines(labels)
    if (!part || !mark(metric, labels)) return null
    return part.each ? (labels[part.each] ?? null) : part.metric
  }
  private label(name: string): string {
    const part = this.spec.parts.find((one) => one.metric === name)
    return part?.label ? t(part.label) : name
  }
  private line(name: string): Line {
    const known = this.data.lines.find((line) => line.key === name)
    if (known) return known
    const order = this.spec.parts.findIndex((part) => part.metric === name)
    const color = COLORS[(order >= 0 ? order : this.names.length) % COLORS.length] ?? '--c1'
    const values = new Float64Array(this.data.t.length).fill(Number.NaN)
    const line = { key: name, label: this.label(name), color, values }
    this.names.push(name)
    this.data.lines.push(line)
    const rank = (one: Line) => this.spec.parts.findIndex((part) => part.metric === one.key)
    this.data.lines.sort((a, b) => rank(a) - rank(b))
    return line
  }
  /** What could not be had is not "no data". */
  fail(): void {
    this.data.words = { ...wordsOf(), none: t('server.notLoaded') }
  }
  /** A past range replaces everything. Answers whether the set of lines changed. */
  load(answer: SeriesAnswer): boolean {
    const before = this.data.lines.map((line) => line.key).join()
    this.data.t = Float64Array.from(answer.t)
    this.data.words = wordsOf()
    this.data.lines.length = 0
    this.names = []
    this.data.step = Math.max(answer.step || 0, this.interval)
    const mine = answer.series
      .map((one) => ({ one, name: this.lineOf(one.metric, one.labels) }))
      .filter((pair): pair is { one: SeriesAnswer['series'][number]; name: string } => pair.name !== null)
    const last = (values: Array<number | null>) => values.findLast((v) => v !== null) ?? 0
    if (this.spec.parts[0]?.each) mine.sort((a, b) => last(b.one.v) - last(a.one.v)).splice(MOST_LINES)
    for (const { one, name } of mine) {
      const line = this.line(name)
      one.v.forEach((v, i) => {
        line.values[i] = add(line.values[i] ?? Number.NaN, real(v))
      })
      line.low = added(line.low, one.min)
      line.high = added(line.high, one.max)
    }
    // the lowest of a sum is not the sum of the lowest: a band needs one series
    this.data.band = mine.filter(({ name }) => name === this.data.lines[0]?.key).length === 1
    return before !== this.data.lines.map((line) => line.key).join()
  }
  /** The newest samples of a time before the range: what a silent server said last. */
  remember(answer: SeriesAnswer): void {
    const values = new Map<string, number>()
    let at = 0
    for (const one of answer.series) {
      const name = this.lineOf(one.metric, one.labels)
      const i = one.v.findLastIndex(isReal)
      if (name === null || i < 0 || (!values.has(name) && values.size >= MOST_LINES)) continue
      at = Math.max(at, answer.t[i] ?? 0)
      values.set(name, add(values.get(name) ?? Number.NaN, real(one.v[i])))
    }
    const rank = (name: string) => this.spec.parts.findIndex((part) => part.metric === name)
    this.data.last = { at, values: new Map([...values].sort(([a], [b]) => rank(a) - rank(b))) }
  }
  /** The first line as it was so many seconds before, or on another server. */
  compare(answer: SeriesAnswer | null, shift: number): void {
    const first = this.data.lines[0]
    delete this.data.ghost
    if (!answer || !first) return
    const values = new Float64Array(answer.t.length).fill(Number.NaN)
    for (const one of answer.series)
      if (this.lineOf(one.metric, one.labels) === first.key)
        one.v.forEach((v, i) => {
          values[i] = add(values[i] ?? Number.NaN, real(v))
        })
    if (values.some((v) => !Number.isNaN(v)))
      this.data.ghost = { t: Float64Array.from(answer.t, (at) => at + shift), values }
  }
  /** The limits of rules and the alerts that are about one of these lines. */
  dress(around: Around | null): void {
    const mine = (metric: string, labels: Record<string, string>) => {
      const name = this.lineOf(metric, labels)
      return name !== null && (this.spec.parts.some((part) => part.metric === metric) || this.names.includes(name))
    }
    const found = new Map<string, Limit>()
    for (const limit of around?.limits ?? []) {
      if (!limit.sets.some((labels) => mine(limit.metric, labels))) continue
      const texts = [...limit.texts]
      for (const [value, critical] of [
        [limit.warn, false],
        [limit.critical, true],
      ] as const)
        if (value !== null) found.set(`${value}`, { value, critical, text: `${limit.rule} ${texts.shift() ?? ''}` })
    }
    this.data.limits = [...found.values()]
    this.data.spans = (around?.alerts ?? [])
      .filter((one) => mine(one.metric, one.labels))
      .map((one) => ({ from: one.start, to: one.end ?? now(), critical: one.severity === 'critical' }))
    this.data.anomalies = around?.unusual ?? []
    const first = this.data.lines[0]?.key
    const bands = around?.usual?.series.filter((one) => this.lineOf(one.metric, one.labels) === first) ?? []
    // a sum has no band of its own: the parts are not high at the same time
    const [band] = bands
    if (around && band && bands.length === 1)
      this.data.expected = {
        t: Float64Array.from(around.usual.t),
        low: Float64Array.from(band.low),
        high: Float64Array.from(band.high),
      }
    else delete this.data.expected
  }
  /** New points at the end. Answers whether a line came that was not there. */
  append(times: number[], columns: Record<string, Array<number | null>>): boolean {
    const newest = this.data.t.at(-1) ?? Number.NEGATIVE_INFINITY
    const keep = times.map((time, i) => [time, i] as const).filter(([time]) => time > newest)
    if (!keep.length) return false
    const lines = this.data.lines.length
    const old = this.data.t.length
    const grown = new Map<string, Float64Array>()
    for (const [column, values] of Object.entries(columns)) {
      const { metric, labels } = parseSeries(column)
      const name = this.lineOf(metric, labels)
      if (name === null) continue
      const known = this.data.lines.some((line) => line.key === name)
      if (!known && this.data.lines.length >= MOST_LINES) continue
      this.line(name)
      const more = grown.get(name) ?? new Float64Array(keep.length).fill(Number.NaN)
      for (const [k, [, i]] of keep.entries()) more[k] = add(more[k] ?? Number.NaN, real(values[i]))
      grown.set(name, more)
    }
    const joined = (a: ArrayLike<number>, b: ArrayLike<number>) => {
      const out = new Float64Array(old + keep.length)
      out.set(a)
      out.set(b, old)
      return out
    }
    const nothing = new Float64Array(keep.length).fill(Number.NaN)
    this.data.t = joined(
      this.data.t,
      keep.map(([time]) => time),
    )
    for (const line of this.data.lines) line.values = joined(line.values, grown.get(line.key) ?? nothing)
    return this.data.lines.length !== lines
  }
}
