import { timeFormat } from 'd3-time-format'
import { useEffect, useRef } from 'react'
import { t } from '../words'
import {
  at,
  type ChartData,
  draw,
  type Frame,
  frame,
  type Line,
  PAD,
  paceOf,
  readTheme,
  type Size,
  surface,
} from './engine'
import type { Sync } from './sync'

const stamp = timeFormat('%a %H:%M:%S')
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
const unit = (text: string) => /(%| \S+)$/.exec(text)?.[0] ?? ''
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
  return parts.map((x, k) => (k < parts.length - 1 && end.includes(' ') ? bareNumber(x, end) : x)).join(' · ')
}
/** What the headline says: the value at the cursor, else the newest one measured, with its age once it is old. */
export function headline(
  d: ChartData,
  fmt: (v: number) => string,
  hover: number | null,
  end: number,
): [string, string] {
  if (hover !== null) return [valueText(d, fmt, pick(d, hover)), '']
  const i = newest(d, end)
  const age = (time: number) => d.words?.ago?.(time) ?? ''
  if (i >= 0) return [valueText(d, fmt, i), end - d.t[i] > paceOf(d).pause ? age(d.t[i]) : '']
  const { last } = d
  if (!last?.values.size || last.at > end) return [d.words?.none ?? 'no data', '']
  return [joined([...last.values.values()].map(fmt)), age(last.at)]
}
const setText = (el: HTMLElement | null, text: string) => {
  if (el && el.textContent !== text) el.textContent = text
}

export function TimeChart({
  title,
  data,
  sync,
  fmt,
  menu,
  atCursor,
}: {
  title: string
  data: ChartData
  sync: Sync
  fmt: (v: number) => string
  menu?: Array<[string, string]> // what may be done from here: words and addresses
  atCursor?: boolean // values are said under the cursor only: where the past matters, the newest says nothing
}) {
  const base = useRef<HTMLCanvasElement>(null)
  const top = useRef<HTMLCanvasElement>(null)
  const val = useRef<HTMLSpanElement>(null)
  const old = useRef<HTMLElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const say = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    const b = base.current
    const o = top.current
    const el = box.current
    if (!b || !o || !el) return
    const saying = () => (atCursor && sync.hover === null ? ['', ''] : headline(data, fmt, sync.hover, sync.range[1]))
    let th = readTheme(b)
    let seen = true
    let size: Size = { w: 0, h: 0 }
    let f: Frame | null = null
    let shown = false // does the overlay hold pixels?
    const redraw = () => {
      if (!seen || !size.w) return
      f = frame(data, sync.range, size, sync.compare)
      draw(b, data, f, sync.range, th, fmt, sync.compare)
    }
    const cursor = (g: CanvasRenderingContext2D, { w, h, x, y }: Frame, i: number) => {
      const px = Math.round(x(data.t[i] * 1000)) + 0.5
      g.strokeStyle = th.text
      g.globalAlpha = 0.7
      g.beginPath()
      g.moveTo(px, 0)
      g.lineTo(px, h - PAD.b)
      g.stroke()
      g.globalAlpha = 1
      for (const l of data.lines) {
        if (Number.isNaN(l.values[i])) continue
        g.beginPath()
        g.arc(px, y(l.values[i]), 3.5, 0, 7)
        g.fillStyle = th.color(l.color)
        g.fill()
        g.strokeStyle = th.surface
        g.lineWidth = 1.5
        g.stroke()
      }
      const s = stamp(new Date(data.t[i] * 1000))
      g.font = th.font
      const tw = g.measureText(s).width + 12
      const tx = Math.max(0, Math.min(w - tw, px - tw / 2))
      g.fillStyle = th.accent
      g.beginPath()
      g.roundRect(tx, h - 18, tw, 17, 4)
      g.fill()
      g.fillStyle = th.surface
      g.textAlign = 'left'
      g.fillText(s, tx + 6, h - 5.5)
    }
    const overlay = () => {
      if (!seen || !f) return
      const i = sync.hover == null ? -1 : pick(data, sync.hover)
      if (shown || sync.hover != null || sync.brush) {
        const g = surface(o, f)
        if (!g) return
        shown = sync.hover != null || sync.brush != null
        if (sync.brush) {
          const [a, z] = sync.brush.map((t) => f?.x(t * 1000) ?? 0)
          g.fillStyle = th.accent
          g.globalAlpha = 0.16
          g.fillRect(Math.min(a, z), 0, Math.abs(z - a), f.h - PAD.b)
          g.globalAlpha = 1
        }
        if (sync.hover != null && i >= 0) cursor(g, f, i)
      }
      const [text, age] = saying()
      setText(val.current, text)
      setText(old.current, age)
      val.current?.parentElement?.classList.toggle('dim', age !== '')
    }
    const all = () => {
      redraw()
      overlay()
    }
    const themed = () => {
      th = readTheme(b)
      all()
    }
    const off = sync.on(redraw, overlay)
    // the only place that learns the size: nothing below reads layout
    const ro = new ResizeObserver(([e]) => {
      size = { w: Math.round(e.contentRect.width), h: Math.round(e.contentRect.height) }
      all()
    })
    ro.observe(el)
    const io = new IntersectionObserver(
      ([e]) => {
        seen = e.isIntersecting
        if (seen) all()
      },
      { rootMargin: '120px' },
    )
    io.observe(el)
    const mo = new MutationObserver(themed)
    mo.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    const tAt = (e: PointerEvent) => {
      const r = el.getBoundingClientRect()
      const share = (e.clientX - r.left - PAD.l) / (r.width - PAD.l - PAD.r)
      return sync.range[0] + Math.max(0, Math.min(1, share)) * (sync.range[1] - sync.range[0])
    }
    let start: number | null = null
    const stop = new AbortController()
    const on = <K extends keyof HTMLElementEventMap>(type: K, fn: (e: HTMLElementEventMap[K]) => void) =>
      el.addEventListener(type, fn, { signal: stop.signal })
    on('pointermove', (e) => {
      const t = tAt(e)
      if (start != null) sync.setBrush([start, t])
      sync.setHover(t)
    })
    on('pointerdown', (e) => {
      if (e.button === 0 && e.pointerType !== 'touch') {
        start = tAt(e)
        el.setPointerCapture(e.pointerId)
      }
    })
    on('pointerup', () => {
      const s = sync.brush
      start = null
      sync.setBrush(null)
      if (s && Math.abs(s[1] - s[0]) > (sync.range[1] - sync.range[0]) / 100) {
        sync.setRange([Math.min(...s), Math.max(...s)])
      }
    })
    on('pointerleave', () => {
      if (start == null) sync.setHover(null)
    })
    on('dblclick', () => sync.reset())
    on('keydown', (e) => {
      const span = sync.range[1] - sync.range[0]
      const step = span / (e.shiftKey ? 12 : 120)
      const h = sync.hover ?? sync.range[1]
      if (e.key === 'ArrowLeft') sync.setHover(Math.max(sync.range[0], h - step))
      else if (e.key === 'ArrowRight') sync.setHover(Math.min(sync.range[1], h + step))
      else if (e.key === '+' || e.key === '=') sync.zoom(0.5)
      else if (e.key === '-') sync.zoom(2)
      else if (e.key === 'Escape') {
        sync.setHover(null)
        sync.reset()
        return
      } else return
      e.preventDefault()
      const place = sync.hover ?? h
      const value = valueText(data, fmt, pick(data, place))
      setText(say.current, t('server.chartSay', { title, value, time: stamp(new Date(place * 1000)) }))
    })
    document.fonts?.ready.then(all)
    return () => {
      off()
      stop.abort()
      ro.disconnect()
      io.disconnect()
      mo.disconnect()
    }
  }, [data, sync, fmt, title, atCursor])
  const [value, age] = atCursor && sync.hover === null ? ['', ''] : headline(data, fmt, sync.hover, sync.range[1])
  return (
    <section className="card chart" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className={`v num${age ? ' dim' : ''}`}>
          <span ref={val}>{value}</span>
          <small ref={old}>{age}</small>
        </span>
        {menu && menu.length > 0 && (
          <details className="doing">
            <summary className="btn ghost sm icon" aria-label={t('chart.menuOf', { title })}>
              ⋯
            </summary>
            <div className="menu">
              {menu.map(([text, href]) => (
                <a className="nav" key={href} href={href}>
                  {text}
                </a>
              ))}
            </div>
          </details>
        )}
      </header>
      <div
        className="plot"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the picture has a keyboard cursor and speaks through the live text below
        tabIndex={0}
        role="img"
        aria-label={t('server.chartLabel', { title, value: age ? `${value}, ${age}` : value })}
      >
        <canvas ref={base} />
        <canvas ref={top} />
      </div>
      <span className="sr" aria-live="polite" ref={say} />
      <div className="lg">
        {data.lines.length > 1 &&
          data.lines.map((l) => (
            <span key={l.key}>
              <i style={{ background: `var(${l.color})` }} />
              {l.label}
            </span>
          ))}
      </div>
    </section>
  )
}
