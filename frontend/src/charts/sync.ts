// One shared cursor and range per page. Charts subscribe; React never renders on hover or on a live tick.
import type { Mark, Range } from './engine'

type Fn = () => void
/** A time marked from either end. */
export const marked = ([a, b]: Range): Range => [Math.min(a, b), Math.max(a, b)]
const SHORTEST = 120
export class Sync {
  hover: number | null = null
  brush: Range | null = null
  range: Range
  compare = false
  live = true
  /** Before this nothing was ever measured: a young history fills the width instead of a sliver at its end. */
  floor: number | null = null
  /** Called when a person picks another range: the page then loads what it needs. */
  onPick: ((range: Range | null) => void) | null = null
  /** How far one may zoom out; without it only as far as home. */
  widest: number | null = null
  /** What happened on the machine, for all charts. */
  marks: Mark[] = []
  /** Called with a range marked by dragging with Shift: a question about it, no zoom. */
  onAsk: ((range: Range) => void) | null = null
  private data = new Set<Fn>()
  private over = new Set<Fn>()
  private dirty = 0
  private span: number
  constructor(public home: Range) {
    this.range = home
    this.span = home[1] - home[0]
  }
  on(redraw: Fn, overlay: Fn) {
    this.data.add(redraw)
    this.over.add(overlay)
    return () => {
      this.data.delete(redraw)
      this.over.delete(overlay)
    }
  }
  private flag(b: number) {
    if (!this.dirty)
      requestAnimationFrame(() => {
        const x = this.dirty
        this.dirty = 0
        if (x & 1) for (const f of this.data) f()
        for (const f of this.over) f()
      })
    this.dirty |= b
  }
  setHover(t: number | null) {
    this.hover = t
    this.flag(2)
  }
  setBrush(b: Range | null) {
    this.brush = b
    this.flag(2)
  }
  /** The time marked by keys grows or shrinks at its moving end; it begins where the cursor stands. */
  extend(seconds: number) {
    const [first, last] = this.range
    const [from, to] = this.brush ?? [this.hover ?? last, this.hover ?? last]
    const end = Math.max(first, Math.min(last, to + seconds))
    this.hover = end
    this.setBrush([from, end])
  }
  /** What is marked becomes the range. */
  take() {
    const { brush } = this
    this.brush = null
    if (brush && brush[0] !== brush[1]) this.setRange(marked(brush))
  }
  /** Another range under a pointer that rests: a cursor that would be off the chart stays at its place on it. */
  private turn(range: Range) {
    const [a, b] = this.range
    const [from, to] = range
    const { hover } = this
    this.range = range
    if (hover && (hover < from || hover > to)) this.hover = from + ((hover - a) / (b - a)) * (to - from)
  }
  /** A range that stands still, picked by hand; never wider than home or later than its end. */
  setRange([from, to]: Range) {
    this.live = false
    const end = Math.min(to, this.home[1])
    this.turn([Math.min(from, end - 10), end])
    this.onPick?.(this.range)
    this.flag(1)
  }
  zoom(k: number) {
    const [a, b] = this.range
    const m = this.hover ?? (a + b) / 2
    const width = (b - a) * k
    if (this.widest !== null) {
      const wide = Math.max(SHORTEST / 12, Math.min(width, this.widest))
      this.within(m - (wide * (m - a)) / (b - a), wide)
    } else if (width >= this.home[1] - this.home[0]) this.reset()
    else this.setRange([m - (m - a) * k, m + (b - m) * k])
  }
  /** So much of time, as near to this beginning as the present allows. */
  private within(from: number, width: number) {
    const start = Math.min(from, this.home[1] - width)
    this.setRange([start, start + width])
  }
  /** Half a range back, or forward; what reaches the present follows it again. */
  step(way: -1 | 1) {
    const [a, b] = this.range
    const width = b - a
    const near = width / 50
    if (way > 0 && b + width / 2 >= this.home[1] - near && Math.abs(width - this.span) < near) this.reset()
    else this.within(a + (way * width) / 2, width)
  }
  reset() {
    this.turn(this.home)
    if (!this.live) {
      this.live = true
      this.onPick?.(null)
    }
    this.flag(1)
  }
  /** The length of the range that follows the present. */
  setSpan(seconds: number) {
    this.span = seconds
    this.live = true
    this.follow(this.home[1])
    this.turn(this.home)
    this.flag(1)
  }
  /** Time goes on: the home range ends now, and so does the shown one unless somebody zoomed. */
  follow(end: number) {
    const start = end - this.span
    const young = this.floor !== null && this.floor > start
    this.home = [young ? Math.min(this.floor ?? start, end - SHORTEST) : start, end]
    // less than a pixel is no movement
    const moved = Math.max(Math.abs(end - this.range[1]), Math.abs(this.home[0] - this.range[0]))
    if (this.live && moved >= this.span / 500) {
      this.turn(this.home)
      this.flag(1)
    }
  }
  redraw() {
    if (this.live) this.range = this.home
    this.flag(1)
  }
}
