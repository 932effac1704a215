// What every drawing needs, large or small: a canvas in device pixels, the colours of the theme, runs and gaps of samples.
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

export const readTheme = (el: Element): Theme => {
  const style = getComputedStyle(el)
  // A page that is being left has no style any more, and may draw once more.
  const get = (name: string) => style.getPropertyValue(name).trim() || '#808080'
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

/** Times between which samples belong together: t, and the longest pause that is no gap. */
export interface Pace {
  t: ArrayLike<number>
  pause: number
}

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
