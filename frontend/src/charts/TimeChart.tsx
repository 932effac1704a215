import { type MouseEvent, type ReactNode, useEffect, useRef } from 'react'
import { t } from '../words'
import {
  type ChartData,
  type Cluster,
  clusters,
  draw,
  type Frame,
  frame,
  PAD,
  readTheme,
  type Size,
  surface,
} from './engine'
import { headline, markText, pick, valueText } from './said'
import { marked, type Sync } from './sync'
import { stamp } from './ticks'

const PRESS_MS = 350
const SLOP = 8
/** What was chosen from a menu closes it. */
const shut = (e: MouseEvent<HTMLElement>) => e.currentTarget.closest('details')?.removeAttribute('open')
const setText = (el: HTMLElement | null, text: string) => {
  if (el && el.textContent !== text) el.textContent = text
}

export function TimeChart({
  title,
  data,
  sync,
  fmt,
  menu,
  note,
  id,
  badge,
  atCursor,
}: {
  title: string
  data: ChartData
  sync: Sync
  fmt: (v: number) => string
  menu?: Array<[string, string | (() => void)]> // what may be done from here: words, and addresses or acts
  note?: string // how it is beside another time
  id?: string // to be found by: a link leads here
  badge?: ReactNode
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
    const saying = () =>
      atCursor && sync.hover === null ? ['', ''] : headline(data, fmt, sync.hover, sync.range[1], sync.live)
    let th = readTheme(b)
    let seen = true
    let size: Size = { w: 0, h: 0 }
    let f: Frame | null = null
    let held: Cluster[] = []
    let shown = false // does the overlay hold pixels?
    const redraw = () => {
      if (!seen || !size.w) return
      f = frame(data, sync.range, size, sync.compare)
      held = clusters(sync.marks, sync.range, size.w - PAD.l - PAD.r)
      draw(b, data, f, sync.range, th, fmt, sync.compare, held)
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
      const s = stamp(data.t[i])
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
    /** What happened under the cursor, above the lines. */
    const told = (g: CanvasRenderingContext2D, { w, h, kx }: Frame, time: number) => {
      const near = held.find((one) => Math.abs(one.at - time) * kx < 7)
      if (!near) return
      const text = markText(near)
      g.font = th.font
      const tw = Math.min(w - 8, g.measureText(text).width + 14)
      const x = Math.max(4, Math.min(w - tw - 4, PAD.l + (near.at - sync.range[0]) * kx - tw / 2))
      g.fillStyle = th.surface
      g.strokeStyle = th.accent
      g.lineWidth = 1
      g.beginPath()
      const y = h - PAD.b - 24 // below the words of limits, which stand high
      g.roundRect(x, y, tw, 19, 5)
      g.fill()
      g.stroke()
      g.fillStyle = th.text
      g.textAlign = 'left'
      g.textBaseline = 'alphabetic'
      g.fillText(text, x + 7, y + 13, tw - 14)
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
        if (sync.hover != null && held.length) told(g, f, sync.hover)
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
      const share = (e.offsetX - PAD.l) / Math.max(1, size.w - PAD.l - PAD.r)
      return sync.range[0] + Math.max(0, Math.min(1, share)) * (sync.range[1] - sync.range[0])
    }
    let start: number | null = null
    let asks = false
    let press: ReturnType<typeof setTimeout> | undefined
    let from = [0, 0]
    let holding = false // a finger that stayed: it moves the cursor, not the page
    const stop = new AbortController()
    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      fn: (e: HTMLElementEventMap[K]) => void,
      passive = true,
    ) => el.addEventListener(type, fn, { signal: stop.signal, passive })
    on('pointermove', (e) => {
      if (e.pointerType === 'touch') {
        if (Math.abs(e.clientX - (from[0] ?? 0)) + Math.abs(e.clientY - (from[1] ?? 0)) > SLOP) clearTimeout(press)
        if (holding) sync.setHover(tAt(e))
        return
      }
      const t = tAt(e)
      if (start != null) sync.setBrush([start, t])
      sync.setHover(t)
    })
    on('pointerdown', (e) => {
      if (e.pointerType === 'touch') {
        from = [e.clientX, e.clientY]
        if (sync.hover !== null) sync.setHover(null)
        press = setTimeout(() => {
          holding = true
          sync.setHover(tAt(e))
        }, PRESS_MS)
      } else if (e.button === 0) {
        start = tAt(e)
        asks = e.shiftKey
        el.setPointerCapture(e.pointerId)
      }
    })
    on('touchmove', (e) => holding && e.cancelable && e.preventDefault(), false)
    on('contextmenu', (e) => holding && e.preventDefault(), false)
    const letGo = () => {
      clearTimeout(press)
      holding = false
      start = null
      sync.setBrush(null)
    }
    on('pointercancel', letGo)
    on('pointerup', () => {
      const s = sync.brush
      letGo()
      if (!s || Math.abs(s[1] - s[0]) <= (sync.range[1] - sync.range[0]) / 100) return
      if (asks && sync.onAsk) sync.onAsk(marked(s))
      else sync.setRange(marked(s))
    })
    on('pointerleave', (e) => {
      if (start == null && e.pointerType !== 'touch') sync.setHover(null)
    })
    on('dblclick', () => sync.reset())
    on(
      'keydown',
      (e) => {
        const span = sync.range[1] - sync.range[0]
        const step = span / 120
        const h = sync.hover ?? sync.range[1]
        const way = e.key === 'ArrowLeft' ? -1 : e.key === 'ArrowRight' ? 1 : 0
        const { brush } = sync
        if (way && e.shiftKey) sync.extend((way * span) / 60)
        else if (brush && e.key === 'Enter') sync.take()
        else if (brush && e.key === 'Escape') sync.setBrush(null)
        else if (e.key === 'ArrowLeft') sync.setHover(Math.max(sync.range[0], h - step))
        else if (e.key === 'ArrowRight') sync.setHover(Math.min(sync.range[1], h + step))
        else if (e.key === '+' || e.key === '=') sync.zoom(0.5)
        else if (e.key === '-') sync.zoom(2)
        else if (e.key === 'Escape') {
          sync.setHover(null)
          sync.reset()
          return
        } else return
        e.preventDefault()
        if (sync.brush) {
          const [from, to] = marked(sync.brush).map(stamp)
          setText(say.current, t('server.chartChosen', { from: from ?? '', to: to ?? '' }))
          return
        }
        const place = sync.hover ?? h
        const value = valueText(data, fmt, pick(data, place))
        const near = held.find((one) => Math.abs(one.at - place) <= step)
        const spoken = t('server.chartSay', { title, value, time: stamp(place) })
        setText(say.current, near ? `${spoken}. ${markText(near)}` : spoken)
      },
      false,
    )
    document.fonts?.ready.then(all)
    return () => {
      off()
      stop.abort()
      ro.disconnect()
      io.disconnect()
      mo.disconnect()
    }
  }, [data, sync, fmt, title, atCursor])
  const [value, age] =
    atCursor && sync.hover === null ? ['', ''] : headline(data, fmt, sync.hover, sync.range[1], sync.live)
  return (
    <section className="card chart" aria-label={title} id={id}>
      <header>
        <h2>{title}</h2>
        {badge}
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
              {menu.map(([text, way]) =>
                typeof way === 'string' ? (
                  <a className="nav" key={text} href={way} download={way.includes('.csv?') || undefined} onClick={shut}>
                    {text}
                  </a>
                ) : (
                  <button
                    type="button"
                    className="nav"
                    key={text}
                    onClick={(e) => {
                      shut(e)
                      way()
                    }}
                  >
                    {text}
                  </button>
                ),
              )}
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
        {note && <span className="note-r num">{note}</span>}
      </div>
    </section>
  )
}
