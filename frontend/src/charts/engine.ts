// Canvas time-series painter. D3 does the maths (scales, ticks, bisect); canvas does the pixels.
// A `Frame` holds everything that depends on size, range and data. It is built once per redraw;
// the overlay (crosshair, brush) only reads it, so a hover costs no data scan and no layout read.
import { bisector } from 'd3-array'
import { type ScaleLinear, type ScaleTime, scaleLinear, scaleTime } from 'd3-scale'
import { timeFormat } from 'd3-time-format'

const hm = timeFormat('%H:%M')
const hms = timeFormat('%H:%M:%S')
const day = timeFormat('%e %b')

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
  ghost?: Float64Array // same metric one week earlier
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
export interface Theme {
  text: string
  grid: string
  ghost: string
  crit: string
  warn: string
  accent: string
  surface: string
  font: string
  /** resolves a colour token, remembered until the theme changes */
  color: (token: string) => string
}
export type Range = [number, number]
export interface Size {
  w: number
  h: number
}
export interface Frame extends Size {
  x: ScaleTime<number, number>
  y: ScaleLinear<number, number>
  i0: number
  i1: number
  kx: number // pixels per second
  ky: number // pixels per unit
  y0: number // pixel row of zero
}
export const PAD = { l: 62, r: 16, t: 12, b: 22 }

export const readTheme = (el: Element): Theme => {
  const style = getComputedStyle(el)
  const get = (name: string) => style.getPropertyValue(name).trim()
  const seen = new Map<string, string>()
  return {
    text: get('--text-3'),
    grid: get('--grid'),
    ghost: get('--ghost'),
    crit: get('--map-crit'),
    warn: get('--map-warn'),
    accent: get('--accent'),
    surface: get('--surface'),
    font: `11px ${style.fontFamily}`,
    color: (token) => {
      if (!token.startsWith('--')) return token
      let value = seen.get(token)
      if (value === undefined) {
        value = get(token)
        seen.set(token, value)
      }
      return value
    },
  }
}
/** index of the sample nearest to a time */
export const at = bisector<number, number>((d) => d).center as unknown as (a: Float64Array, x: number) => number

export const sizeOf = (el: Element): Size => ({ w: el.clientWidth, h: el.clientHeight })

/** Match the bitmap to its CSS size and device pixels, clear it, return a context in CSS pixels. */
export function surface(cv: HTMLCanvasElement, { w, h }: Size): CanvasRenderingContext2D | null {
  const r = Math.min(devicePixelRatio || 1, 2)
  if (cv.width !== Math.round(w * r) || cv.height !== Math.round(h * r)) {
    cv.width = Math.round(w * r)
    cv.height = Math.round(h * r)
  }
  const g = cv.getContext('2d')
  g?.setTransform(r, 0, 0, r, 0, 0)
  g?.clearRect(0, 0, w, h)
  return g
}

/** Largest finite value of the visible samples; 0 when there is none. */
export function peak(series: Float64Array[], i0: number, i1: number): number {
  let max = 0
  for (const v of series) for (let i = i0; i <= i1; i++) if (v[i] > max) max = v[i]
  return max
}

/** Where the axis ends: everything drawn fits, the limit too. */
const topOf = (d: ChartData, highest: number) => Math.max(highest, (d.threshold ?? 0) * 1.05, d.least ?? 0) || 1

/** "60.0" is "60" on an axis, and "1.50 MB" is "1.5 MB". */
export const tidy = (label: string): string =>
  label.replace(/(\d+)\.(\d*?)0+(?!\d)/, (_, whole, rest) => (rest ? `${whole}.${rest}` : whole))

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
  if (compare && d.ghost) series.push(d.ghost)
  const y = scaleLinear([0, d.max ?? topOf(d, peak(series, i0, i1))], [h - PAD.b, PAD.t])
  if (!d.max) y.nice(4)
  const y0 = h - PAD.b
  return {
    w,
    h,
    i0,
    i1,
    y0,
    x: scaleTime([range[0] * 1000, range[1] * 1000], [PAD.l, w - PAD.r]),
    y,
    kx: (w - PAD.l - PAD.r) / (range[1] - range[0]),
    ky: (y0 - PAD.t) / y.domain()[1],
  }
}

/** Times between which samples belong together: t, and the longest pause that is no gap. */
export interface Pace {
  t: ArrayLike<number>
  pause: number
}
export const PAUSE_STEPS = 3
/** A server may report less often than the chart's step: its samples still form a line within three steps. */
export const paceOf = (d: ChartData): Pace => ({
  t: d.t,
  pause: d.step ? d.step * PAUSE_STEPS : Number.POSITIVE_INFINITY,
})

/** Runs of real samples among i0..i1 as index pairs. NaN (silence) belongs to no run, a long pause ends one. */
export function runs(v: ArrayLike<number>, i0 = 0, i1 = v.length - 1, pace?: Pace): Range[] {
  const out: Range[] = []
  let start = -1
  let last = -1
  for (let i = i0; i <= i1; i++) {
    if (Number.isNaN(v[i])) continue
    const apart = last >= 0 && (pace ? pace.t[i] - pace.t[last] > pace.pause : i - last > 1)
    if (start >= 0 && apart) {
      out.push([start, last])
      start = -1
    }
    if (start < 0) start = i
    last = i
  }
  if (start >= 0) out.push([start, last])
  return out
}
/** What lies between the runs, as index pairs that touch their neighbours. */
export function gaps(parts: Range[], i0: number, i1: number): Range[] {
  const out: Range[] = []
  let end = i0
  for (const [a, b] of parts) {
    if (a > end) out.push([end, a])
    end = b
  }
  if (end < i1) out.push([end, i1])
  return out
}

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

/** A sample alone between two gaps: no line, and yet it was measured. */
export function dot(g: CanvasRenderingContext2D, x: number, y: number, color: string, r = 2.5) {
  g.beginPath()
  g.arc(x, y, r, 0, 7)
  g.fillStyle = color
  g.fill()
}
/** Diagonal hatch: "no data here". */
export function hatch(g: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, color: string) {
  if (w < 1) return
  g.save()
  g.beginPath()
  g.rect(x, y, w, h)
  g.clip()
  g.beginPath()
  for (let k = x - h; k < x + w; k += 6) {
    g.moveTo(k, y + h)
    g.lineTo(k + h, y)
  }
  g.strokeStyle = color
  g.lineWidth = 1
  g.stroke()
  g.restore()
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
) {
  const g = surface(cv, f)
  const { w, h, x, y, y0, kx, ky, i0, i1 } = f
  if (!g || !w || !d.t.length) return
  g.font = th.font
  for (const [a, b] of d.anomalies ?? []) {
    const xa = Math.max(PAD.l, x(a * 1000))
    const xb = Math.min(w - PAD.r, x(b * 1000))
    if (xb <= xa) continue
    g.fillStyle = th.crit
    g.globalAlpha = 0.1
    g.fillRect(xa, 0, Math.max(2, xb - xa), y0)
    g.globalAlpha = 0.9
    g.fillRect(xa, y0 - 2, Math.max(2, xb - xa), 2)
    g.globalAlpha = 1
  }
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
    g.fillStyle = `${th.color(d.lines[0].color)}26`
    for (const [a, b] of runs(hi, i0, i1, pace)) {
      g.beginPath()
      for (let i = a; i <= b; i++) if (hi[i] >= lo[i]) g.lineTo(PAD.l + (d.t[i] - range[0]) * kx, y0 - hi[i] * ky)
      for (let i = b; i >= a; i--) if (hi[i] >= lo[i]) g.lineTo(PAD.l + (d.t[i] - range[0]) * kx, y0 - lo[i] * ky)
      g.fill()
    }
  }
  if (compare && d.ghost) {
    g.beginPath()
    for (const run of runs(d.ghost, i0, i1, pace)) trace(g, f, d.t, d.ghost, range[0], run)
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
  if (d.threshold) {
    const p = Math.round(y(d.threshold)) + 0.5
    g.beginPath()
    g.setLineDash([2, 4])
    g.moveTo(PAD.l, p)
    g.lineTo(w - PAD.r, p)
    g.strokeStyle = d.critical ? th.crit : th.warn
    g.globalAlpha = 0.8
    g.stroke()
    g.setLineDash([])
    g.globalAlpha = 1
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
  const xt = x.ticks(Math.max(2, Math.floor(w / 80)))
  const close = xt.length > 1 && Number(xt[1]) - Number(xt[0]) < 60_000
  for (const [t, text] of labelled(xt, range[1] - range[0] > 172800 ? day : close ? hms : hm)) {
    const p = x(t)
    if (p > PAD.l + 8 && p < w - 26) g.fillText(text, p, h - 6)
  }
}
