import { interpolateRgb } from 'd3-interpolate'
import { Fragment, useEffect, useMemo, useRef, useState } from 'react'
import { now } from '../live/clock'
import type { Server } from '../types'
import { face, isFresh, type Tone } from '../ui/parts'
import { count, t, tn } from '../words'
import { sizeOf, surface } from './engine'

const GAP = 3
const percent = (v: number | null) => (v === null ? t('value.none') : `${v.toFixed(0)}%`)
export type Colour = 'cpu' | 'memory' | 'disk'
interface Cell {
  s: Server
  x: number
  y: number
}
const GLYPHS: Record<Tone, string> = { ok: '', warn: '!', crit: 'x', off: '-', info: '-' }

/** A small white or dark sign: the second channel beside colour. */
function glyph(g: CanvasRenderingContext2D, tone: Tone, x: number, y: number, z: number) {
  const m = z / 2
  const q = z * 0.2
  g.strokeStyle = tone === 'warn' ? '#3a2400' : '#fff'
  g.lineWidth = 1.6
  g.beginPath()
  if (GLYPHS[tone] === 'x') {
    g.moveTo(x + m - q, y + m - q)
    g.lineTo(x + m + q, y + m + q)
    g.moveTo(x + m + q, y + m - q)
    g.lineTo(x + m - q, y + m + q)
  } else if (GLYPHS[tone] === '!') {
    g.moveTo(x + m, y + m - q * 1.2)
    g.lineTo(x + m, y + m + q * 0.3)
    g.moveTo(x + m, y + m + q)
    g.lineTo(x + m, y + m + q * 1.3)
  } else {
    g.moveTo(x + m - q, y + m)
    g.lineTo(x + m + q, y + m)
  }
  g.stroke()
}
export function HostMap({ groups, by }: { groups: Array<[string, Server[]]>; by: Colour }) {
  const ref = useRef<HTMLCanvasElement>(null)
  const [w, setW] = useState(900)
  const [chosen, setSel] = useState<{ id: string } | null>(null)
  const layout = useMemo(() => {
    // largest cell that fits all groups in a calm two-level flow
    const size = w < 480 ? 10 : w < 900 ? 13 : 16,
      step = size + GAP,
      cells: Cell[] = [],
      heads: Array<{ x: number; y: number; name: string; n: number; bad: number }> = []
    const colW = w < 560 ? w : w < 900 ? (w - 20) / 2 : (w - 40) / 3
    const ncol = w < 560 ? 1 : w < 900 ? 2 : 3
    const ys = Array(ncol).fill(0)
    for (const [name, list] of groups) {
      const c = ys.indexOf(Math.min(...ys)),
        per = Math.floor(colW / step),
        x0 = c * (colW + 20),
        y0 = ys[c]
      heads.push({
        x: x0,
        y: y0,
        name,
        n: list.length,
        bad: list.filter((s) => face(s).tone !== 'ok' && s.reach !== 'paused').length,
      })
      for (const [i, s] of list.entries())
        cells.push({ s, x: x0 + (i % per) * step, y: y0 + 22 + Math.floor(i / per) * step })
      ys[c] = y0 + 22 + Math.ceil(list.length / per) * step + 16
    }
    return { size, step, cells, heads, h: Math.max(...ys) - 10 }
  }, [groups, w])
  const sel = chosen ? (layout.cells.find((c) => c.s.id === chosen.id) ?? null) : null
  useEffect(() => {
    const box = ref.current?.closest('.map')
    if (!box) return
    const ro = new ResizeObserver(() => setW(box.clientWidth - 32))
    ro.observe(box)
    return () => ro.disconnect()
  }, [])
  useEffect(() => {
    const cv = ref.current
    if (!cv) return
    const paint = () => {
      const g = surface(cv, sizeOf(cv))
      if (!g) return
      const st = getComputedStyle(cv),
        v = (n: string) => st.getPropertyValue(n).trim()
      const ramp = interpolateRgb(v('--map-ok-0'), v('--map-ok-1')),
        col: Record<Tone, string> = {
          ok: v('--map-off'),
          warn: v('--map-warn'),
          crit: v('--map-crit'),
          off: v('--map-off'),
          info: v('--map-maint'),
        }
      const z = layout.size
      for (const h of layout.heads) {
        g.font = `550 12px ${st.fontFamily}`
        g.fillStyle = v('--text-2')
        g.fillText(h.name, h.x, h.y + 12)
        const tw = g.measureText(h.name).width
        g.font = `12px ${st.fontFamily}`
        g.fillStyle = v('--text-3')
        const words = tn(h.bad ? 'fleet.groupBad' : 'fleet.group', h.n, { bad: h.bad })
        g.fillText(words, h.x + tw + 8, h.y + 12)
      }
      const lut = Array.from({ length: 21 }, (_, i) => ramp(0.12 + (0.88 * i) / 20))
      const at = now()
      // one path for each colour: a thousand single fills cost several times as much
      const fills = new Map<string, Cell[]>()
      const signs: Array<[Tone, Cell]> = []
      for (const c of layout.cells) {
        const { tone } = face(c.s)
        const value = c.s[by]
        const fill = tone === 'ok' && value !== null && isFresh(c.s, at) ? lut[Math.round(value / 5)] : col[tone]
        const same = fills.get(fill)
        if (same) same.push(c)
        else fills.set(fill, [c])
        if (tone !== 'ok') signs.push([tone, c])
      }
      for (const [fill, cells] of fills) {
        g.fillStyle = fill
        g.beginPath()
        for (const c of cells) g.roundRect(c.x, c.y, z, z, 4)
        g.fill()
      }
      for (const [tone, c] of signs) glyph(g, tone, c.x, c.y, z)
      if (sel) {
        g.strokeStyle = v('--text')
        g.lineWidth = 2
        g.beginPath()
        g.roundRect(sel.x - 2.5, sel.y - 2.5, z + 5, z + 5, 6)
        g.stroke()
      }
    }
    paint()
    document.fonts?.ready.then(paint)
    const mo = new MutationObserver(paint)
    mo.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    return () => mo.disconnect()
  }, [layout, sel, by])
  const hit = (e: React.PointerEvent) => {
    const r = e.currentTarget.getBoundingClientRect(),
      x = e.clientX - r.left,
      y = e.clientY - r.top
    const cell = layout.cells.find(
      (c) => x >= c.x - 1 && x < c.x + layout.step - 1 && y >= c.y - 1 && y < c.y + layout.step - 1,
    )
    setSel(cell ? { id: cell.s.id } : null)
  }
  const open = () => {
    if (sel) location.assign(sel.s.url)
  }
  const key = (e: React.KeyboardEvent) => {
    const i = sel ? layout.cells.indexOf(sel) : -1,
      L = layout.cells
    const n =
      e.key === 'ArrowRight'
        ? i + 1
        : e.key === 'ArrowLeft'
          ? i - 1
          : e.key === 'ArrowDown' || e.key === 'ArrowUp'
            ? nearest(L, i, e.key === 'ArrowDown')
            : e.key === 'n'
              ? L.findIndex((c, j) => j > i && face(c.s).tone !== 'ok')
              : null
    if (e.key === 'Enter') open()
    if (n == null) return
    e.preventDefault()
    const next = L[Math.max(0, Math.min(L.length - 1, n))]
    setSel(next ? { id: next.s.id } : null)
  }
  const bad = layout.cells.filter((c) => face(c.s).tone !== 'ok').length
  return (
    <div className="map">
      <div
        className="cells"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the map is one widget with its own keys, said in its label
        tabIndex={0}
        role="application"
        aria-roledescription="server map"
        aria-label={t('fleet.mapLabel', { n: count(layout.cells.length), bad })}
        onPointerMove={hit}
        onPointerLeave={() => setSel(null)}
        onClick={open}
        onKeyDown={key}
      >
        <canvas ref={ref} style={{ height: layout.h }} />
      </div>
      <span className="sr" aria-live="polite">
        {sel ? `${sel.s.name}, ${face(sel.s).word}, ${t('metric.cpu')} ${percent(sel.s.cpu)}` : ''}
      </span>
      {sel && (
        <div className="tip" style={{ left: Math.min(sel.x + 40, Math.max(8, w - 190)), top: sel.y + 34 }}>
          <strong>{sel.s.name}</strong> <span className={face(sel.s).tone}>{face(sel.s).word}</span>
          <dl className="num">
            {(['cpu', 'memory', 'disk'] as const).map((metric) => (
              <Fragment key={metric}>
                <dt>{t(`metric.${metric}`)}</dt>
                <dd>{isFresh(sel.s, now()) ? percent(sel.s[metric]) : t('value.none')}</dd>
              </Fragment>
            ))}
          </dl>
        </div>
      )}
    </div>
  )
}
function nearest(L: Cell[], i: number, down: boolean) {
  if (i < 0) return 0
  const c = L[i]
  let best = i,
    d = 1e9
  for (let j = 0; j < L.length; j++) {
    const dy = L[j].y - c.y
    if (down ? dy > 0 : dy < 0) {
      const k = Math.abs(dy) * 3 + Math.abs(L[j].x - c.x)
      if (k < d) {
        d = k
        best = j
      }
    }
  }
  return best
}
