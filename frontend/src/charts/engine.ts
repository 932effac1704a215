// Canvas time-series painter. D3 does the maths (scales, ticks, bisect); canvas does the pixels.
// A `Frame` holds everything that depends on size, range and data. It is built once per redraw;
// the overlay (crosshair, brush) only reads it, so a hover costs no data scan and no layout read.
import { bisector } from 'd3-array'
import { type ScaleLinear, scaleLinear } from 'd3-scale'
import { fixed } from '../format'
import { dot, hatch, type Pace, type Range, runs, type Size, surface, type Theme } from './ink'
import { ticks } from './ticks'

export * from './ink'

export interface Line {
  key: string
  label: string
  color: string
  values: Float64Array // NaN = no sample
  low?: Float64Array // lowest and highest sample behind each point
  high?: Float64Array
}
export interface ChartData {
  t: Float64Array
  lines: Line[]
  ghost?: { t: Float64Array; values: Float64Array } // the first line at another time, or of another server
  expected?: { t: Float64Array; low: Float64Array; high: Float64Array } // what was learned to be usual
  limits?: Limit[]
  spans?: Span[] // alerts on these lines
  band?: boolean // show the lowest and highest behind the first line
  step?: number // seconds between two samples; a longer pause is a gap
  anomalies?: Array<[number, number]>
  threshold?: number
  critical?: boolean // what the threshold means
  least?: number // the axis reaches at least this far
  last?: { at: number; values: Map<string, number> } // newest samples when the range holds none
  max?: number
  words?: { none: string; before: (at: number) => string; ago?: (at: number) => string }
}
/** A limit that a rule holds these lines to. */
export interface Limit {
  value: number
  critical: boolean
  text: string
}
export interface Span {
  from: number
  to: number
  critical: boolean
}
/** Something that happened on the machine. */
export interface Mark {
  at: number
  kind: string
  text: string
}
/** Marks that would lie on each other, as one. */
export interface Cluster {
  at: number
  marks: Mark[]
}
export interface Frame extends Size {
  x: ScaleLinear<number, number>
  y: ScaleLinear<number, number>
  i0: number
  i1: number
  kx: number // pixels per second
  ky: number // pixels per unit
  y0: number // pixel row of zero
}
export const PAD = { l: 62, r: 16, t: 12, b: 22 }

/** index of the sample nearest to a time */
export const at = bisector<number, number>((d) => d).center as unknown as (a: Float64Array, x: number) => number

/** Largest finite value of the visible samples; 0 when there is none. */
export function peak(series: Float64Array[], i0: number, i1: number): number {
  let max = 0
  for (const v of series) for (let i = i0; i <= i1; i++) if (v[i] > max) max = v[i]
  return max
}

/** Where the axis ends: everything drawn fits, the limit too. */
const topOf = (d: ChartData, highest: number) => Math.max(highest, (d.threshold ?? 0) * 1.05, d.least ?? 0) || 1
/** A limit far above all that is drawn would flatten it: only near ones move the axis. */
const near = (d: ChartData, highest: number) =>
  (d.limits ?? []).reduce((top, { value }) => (value <= highest * 2.5 ? Math.max(top, value * 1.05) : top), 0)

const CLOSE = 9 // pixels
/** Marks within a range; those too close to tell apart stand as one. */
export function clusters(marks: readonly Mark[], [from, to]: Range, width: number): Cluster[] {
  const apart = (CLOSE * (to - from)) / Math.max(1, width)
  const out: Cluster[] = []
  for (const mark of marks) {
    if (mark.at < from || mark.at > to) continue
    const last = out[out.length - 1]
    if (last && mark.at - last.at <= apart) last.marks.push(mark)
    else out.push({ at: mark.at, marks: [mark] })
  }
  return out
}

/** "60.0" is "60" on an axis, and "1.50 MB" is "1.5 MB". */
export const tidy = (label: string, point = fixed(0.5, 1).charAt(1)): string =>
  label.replace(point === ',' ? /(\d),(\d*?)0+(?!\d)/ : /(\d)\.(\d*?)0+(?!\d)/, (_, whole, rest) =>
    rest ? `${whole}${point}${rest}` : whole,
  )

/** Ticks and their labels; a label that stood before, or that rounds to nothing, would lie about its place. */
export function labelled<T>(ticks: T[], write: (tick: T) => string, zero = ''): Array<[T, string]> {
  let before = zero
  return ticks.flatMap((tick): Array<[T, string]> => {
    const text = write(tick)
    if (text === before) return []
    before = text
    return [[tick, text]]
  })
}
export function frame(d: ChartData, range: Range, { w, h }: Size, compare: boolean): Frame {
  const i0 = at(d.t, range[0])
  const i1 = at(d.t, range[1])
  const series = d.lines.map((l) => l.values)
  let highest = peak(series, i0, i1)
  const { ghost } = d
  if (compare && ghost) highest = Math.max(highest, peak([ghost.values], at(ghost.t, range[0]), at(ghost.t, range[1])))
  const y = scaleLinear([0, d.max ?? Math.max(topOf(d, highest), near(d, highest))], [h - PAD.b, PAD.t])
  if (!d.max) y.nice(4)
  const y0 = h - PAD.b
  return {
    w,
    h,
    i0,
    i1,
    y0,
    x: scaleLinear([range[0] * 1000, range[1] * 1000], [PAD.l, w - PAD.r]),
    y,
    kx: (w - PAD.l - PAD.r) / (range[1] - range[0]),
    ky: (y0 - PAD.t) / y.domain()[1],
  }
}

const PAUSE_STEPS = 3
/** A server may report less often than the chart's step: its samples still form a line within three steps. */
export const paceOf = (d: ChartData): Pace => ({
  t: d.t,
  pause: d.step ? d.step * PAUSE_STEPS : Number.POSITIVE_INFINITY,
})

/** One run of samples. Min/max per pixel column: exact envelope, at most 4 vertices per pixel however many points. */
function trace(g: CanvasRenderingContext2D, f: Frame, t: Float64Array, v: Float64Array, from: number, [a, b]: Range) {
  let px = -1e9
  let mn = 0
  let mx = 0
  let last = 0
  for (let i = a; i <= b; i++) {
    if (Number.isNaN(v[i])) continue
    const x = PAD.l + (t[i] - from) * f.kx
    const c = x | 0
    const y = f.y0 - v[i] * f.ky
    if (c !== px) {
      if (px === -1e9) g.moveTo(x, y)
      else {
        if (mx !== mn) {
          g.lineTo(px, mn)
          g.lineTo(px, mx)
        }
        g.lineTo(px, last)
      }
      px = c
      mn = mx = y
    } else {
      if (y < mn) mn = y
      if (y > mx) mx = y
    }
    last = y
  }
  g.lineTo(PAD.l + (t[b] - from) * f.kx, last)
}

const TALL = 14 // pixels of a line of words
/** Where the words of lines at these heights stand: on their line at the right (0), else at the left (1), else below those. */
export function placed(heights: number[]): Array<[side: 0 | 1, at: number]> {
  const taken: Array<[number, number]> = []
  const free = (side: number, at: number) => taken.every(([s, other]) => s !== side || Math.abs(other - at) >= TALL)
  return heights.map((p) => {
    let found: [0 | 1, number] = free(0, p) ? [0, p] : [1, p]
    for (let down = 1; !free(...found); down++) found = [(down % 2 ? 0 : 1) as 0 | 1, p + Math.ceil(down / 2) * TALL]
    taken.push(found)
    return found
  })
}
/** Limits as dashed lines, then their words: none on another's. */
function drawLimits(g: CanvasRenderingContext2D, { w, y }: Frame, limits: Limit[], th: Theme) {
  const rows = limits.map((limit) => ({ ...limit, p: Math.round(y(limit.value)) + 0.5 })).filter(({ p }) => p >= 2)
  g.setLineDash([2, 4])
  g.lineWidth = 1
  g.globalAlpha = 0.8
  for (const { p, critical } of rows) {
    g.beginPath()
    g.moveTo(PAD.l, p)
    g.lineTo(w - PAD.r, p)
    g.strokeStyle = critical ? th.crit : th.warn
    g.stroke()
  }
  g.setLineDash([])
  g.globalAlpha = 1
  g.textAlign = 'left'
  g.textBaseline = 'middle'
  const half = (w - PAD.l - PAD.r) / 2 - 6
  const told = rows.filter(({ text }) => text)
  for (const [i, [side, at]] of placed(told.map(({ p }) => p)).entries()) {
    const row = told[i]
    if (!row) continue
    const room = Math.min(g.measureText(row.text).width, half)
    const left = side ? PAD.l + 6 : w - PAD.r - 4 - room
    g.fillStyle = th.surface
    g.fillRect(left - 3, at - 6.5, room + 6, 13)
    g.fillStyle = row.critical ? th.crit : th.warn
    g.fillText(row.text, left, at + 0.5, room)
  }
}
/** The room between two lines. */
function region(
  g: CanvasRenderingContext2D,
  { kx, ky, y0, w }: Frame,
  t: Float64Array,
  lo: Float64Array,
  hi: Float64Array,
  from: number,
  color: string,
  pace?: Pace,
) {
  g.fillStyle = color
  for (const [a, b] of runs(hi, 0, hi.length - 1, pace)) {
    g.beginPath()
    // what is usual is known beyond the range, and may lie far above all that was measured
    const row = (v: number) => Math.max(PAD.t, y0 - v * ky)
    const col = (at: number) => Math.min(w - PAD.r, Math.max(PAD.l, PAD.l + (at - from) * kx))
    for (let i = a; i <= b; i++) if (hi[i] >= lo[i]) g.lineTo(col(t[i]), row(hi[i]))
    for (let i = b; i >= a; i--) if (hi[i] >= lo[i]) g.lineTo(col(t[i]), row(lo[i]))
    g.fill()
  }
}
const firstSample = (d: ChartData, i0: number, i1: number): number | null => {
  for (let i = i0; i <= i1; i++) if (d.lines.some((l) => !Number.isNaN(l.values[i]))) return d.t[i]
  return null
}
/** Where the first line is silent, in time: between its runs, and after the last one until the range ends. */
export function silence(d: ChartData, f: Pick<Frame, 'i0' | 'i1'>, range: Range): Range[] {
  const first = d.lines[0]
  const pace = paceOf(d)
  const parts = first ? runs(first.values, f.i0, f.i1, pace) : []
  if (first && !parts.length) return [range]
  const out: Range[] = []
  for (const [k, [, end]] of parts.entries()) {
    const next = parts[k + 1]
    if (next) out.push([d.t[end], d.t[next[0]]])
    else if (range[1] - d.t[end] > pace.pause) out.push([d.t[end], range[1]])
  }
  return out
}

export function draw(
  cv: HTMLCanvasElement,
  d: ChartData,
  f: Frame,
  range: Range,
  th: Theme,
  axis: (v: number) => string,
  compare: boolean,
  marks: Cluster[] = [],
) {
  const g = surface(cv, f)
  const { w, h, x, y, y0, kx, ky, i0, i1 } = f
  if (!g || !w || !d.t.length) return
  g.font = th.font
  for (const [a, b] of d.anomalies ?? []) {
    const xa = Math.max(PAD.l, x(a * 1000))
    const xb = Math.min(w - PAD.r, x(b * 1000))
    if (xb <= xa) continue
    g.fillStyle = d.critical === false ? th.warn : th.crit
    g.globalAlpha = 0.1
    g.fillRect(xa, 0, Math.max(2, xb - xa), y0)
    g.globalAlpha = 0.9
    g.fillRect(xa, y0 - 2, Math.max(2, xb - xa), 2)
    g.globalAlpha = 1
  }
  for (const { from, to, critical } of d.spans ?? []) {
    const xa = Math.max(PAD.l, x(from * 1000))
    const xb = Math.min(w - PAD.r, x(to * 1000))
    if (xb < PAD.l || xa > w - PAD.r) continue
    g.fillStyle = critical ? th.crit : th.warn
    g.globalAlpha = 0.1
    g.fillRect(xa, 0, Math.max(2, xb - xa), y0)
    g.globalAlpha = 0.9
    g.fillRect(xa, y0 - 2, Math.max(2, xb - xa), 2)
    g.globalAlpha = 1
  }
  if (d.expected) region(g, f, d.expected.t, d.expected.low, d.expected.high, range[0], `${th.ghost}4d`)
  g.strokeStyle = th.grid
  g.lineWidth = 1
  g.beginPath()
  const yt = labelled(
    y.ticks(3).filter((v) => v > 0),
    (v) => tidy(axis(v)),
    tidy(axis(0)),
  )
  for (const [v] of yt) {
    const p = Math.round(y(v)) + 0.5
    g.moveTo(PAD.l, p)
    g.lineTo(w - PAD.r, p)
  }
  g.moveTo(PAD.l, y0 + 0.5)
  g.lineTo(w - PAD.r, y0 + 0.5)
  g.stroke()
  const pace = paceOf(d)
  const missing = silence(d, f, range)
  for (const [a, b] of missing) {
    const xa = Math.max(PAD.l, x(a * 1000))
    hatch(g, xa, PAD.t, Math.min(w - PAD.r, x(b * 1000)) - xa, y0 - PAD.t, th.ghost)
  }
  const lo = d.lines[0]?.low
  const hi = d.lines[0]?.high
  if (d.band && lo && hi) {
    region(g, f, d.t, lo, hi, range[0], `${th.color(d.lines[0].color)}26`, pace)
  }
  if (compare && d.ghost) {
    g.beginPath()
    const { t: gt, values } = d.ghost
    const [a, z] = [at(gt, range[0]), at(gt, range[1])]
    for (const run of runs(values, a, z, { t: gt, pause: pace.pause })) trace(g, f, gt, values, range[0], run)
    g.strokeStyle = th.ghost
    g.lineWidth = 1
    g.stroke()
  }
  g.lineJoin = 'round'
  g.lineCap = 'round'
  for (const [i, l] of d.lines.entries()) {
    const c = th.color(l.color)
    const area = g.createLinearGradient(0, PAD.t, 0, y0)
    area.addColorStop(0, `${c}38`)
    area.addColorStop(1, `${c}00`)
    for (const run of runs(l.values, i0, i1, pace)) {
      g.beginPath()
      trace(g, f, d.t, l.values, range[0], run)
      g.strokeStyle = c
      g.lineWidth = 1.5
      g.stroke()
      if (run[0] === run[1]) dot(g, PAD.l + (d.t[run[0]] - range[0]) * kx, y0 - l.values[run[0]] * ky, c)
      if (i > 0) continue
      g.lineTo(PAD.l + (d.t[run[1]] - range[0]) * kx, y0)
      g.lineTo(PAD.l + (d.t[run[0]] - range[0]) * kx, y0)
      g.fillStyle = area
      g.fill()
    }
  }
  const limits = d.limits ?? []
  const all = d.threshold ? [{ value: d.threshold, critical: d.critical === true, text: '' }, ...limits] : limits
  drawLimits(g, f, all, th)
  for (const { at: when, marks: held } of marks) {
    const px = Math.round(x(when * 1000)) + 0.5
    g.fillStyle = g.strokeStyle = th.accent
    g.lineWidth = 1
    g.globalAlpha = 0.35
    g.setLineDash([1, 3])
    g.beginPath()
    g.moveTo(px, PAD.t)
    g.lineTo(px, y0 - 6)
    g.stroke()
    g.setLineDash([])
    g.globalAlpha = 1
    g.beginPath()
    const r = held.length > 1 ? 5 : 3.5
    g.moveTo(px - r, y0)
    g.lineTo(px, y0 - r * 1.5)
    g.lineTo(px + r, y0)
    g.fill()
  }
  g.fillStyle = th.text
  g.textAlign = 'center'
  g.textBaseline = 'middle'
  for (const [a, b] of missing) {
    const mid = (x(a * 1000) + x(b * 1000)) / 2
    if ((b - a) * kx > 52 && mid > PAD.l + 26 && mid < w - PAD.r - 26) {
      g.fillStyle = th.surface
      g.fillRect(mid - 25, PAD.t + 4, 50, 16)
      g.fillStyle = th.text
      g.fillText(d.words?.none ?? 'no data', mid, PAD.t + 12.5)
    }
  }
  const from = firstSample(d, i0, i1)
  if (d.words && from !== null && (from - range[0]) * kx > 150)
    g.fillText(d.words.before(from), PAD.l + ((from - range[0]) * kx) / 2, (PAD.t + y0) / 2)
  g.textAlign = 'right'
  for (const [v, text] of yt) g.fillText(text, PAD.l - 8, y(v), PAD.l - 10)
  g.fillText('0', PAD.l - 8, y0)
  g.textAlign = 'center'
  g.textBaseline = 'alphabetic'
  const labels = ticks(range, Math.max(2, Math.floor(w / 80)))
  for (const [t, text] of labelled(labels, ([, words]) => words).map(([one]) => one)) {
    const p = x(t * 1000)
    if (p > PAD.l + 8 && p < w - 26) g.fillText(text, p, h - 6)
  }
}
