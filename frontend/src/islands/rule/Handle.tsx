// The limit as something to take hold of: dragged over the chart, or moved by the arrow keys.
import { type RefObject, useEffect, useRef, useState } from 'react'
import { type ChartData, frame } from '../../charts/engine'
import type { Sync } from '../../charts/sync'
import { t } from '../../words'

/** A number that people write: no finer than a two-hundredth of what the chart shows. */
export function rounded(value: number, top: number): number {
  const step = 10 ** Math.floor(Math.log10(Math.max(top, 1e-9) / 100))
  return +(Math.round(value / step) * step).toPrecision(6)
}
export function Handle({
  data,
  sync,
  box,
  value,
  tone,
  fmt,
  onMove,
}: {
  data: ChartData
  sync: Sync
  box: RefObject<HTMLDivElement | null>
  value: number
  tone: 'crit' | 'warn'
  fmt: (v: number) => string
  onMove: (value: number) => void
}) {
  const [, again] = useState(0)
  const dragged = useRef<number | null>(null)
  const plot = box.current?.querySelector<HTMLElement>('.plot') ?? null
  useEffect(() => {
    const seen = box.current?.querySelector('.plot')
    if (!seen) return
    const watch = new ResizeObserver(() => again((n) => n + 1))
    watch.observe(seen)
    return () => watch.disconnect()
  }, [box])
  // the first time around the chart is not there yet to be measured
  useEffect(() => again((n) => n + 1), [])
  if (!plot?.clientWidth || !data.t.length) return null
  const size = { w: plot.clientWidth, h: plot.clientHeight }
  const { y } = frame(data, sync.range, size, false)
  const top = y.domain()[1] ?? 1
  const shown = dragged.current ?? value
  const move = (next: number) => {
    dragged.current = rounded(Math.max(0, Math.min(top, next)), top)
    data.threshold = dragged.current
    sync.redraw()
    again((n) => n + 1)
  }
  const settle = () => {
    if (dragged.current !== null) onMove(dragged.current)
    dragged.current = null
  }
  const step = 10 ** Math.floor(Math.log10(top / 100))
  const keys: Record<string, number> = {
    ArrowUp: step,
    ArrowDown: -step,
    PageUp: step * 10,
    PageDown: -step * 10,
  }
  return (
    <div
      className={`handle ${tone}`}
      role="slider"
      tabIndex={0}
      aria-label={t('preview.drag')}
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={top}
      aria-valuenow={shown}
      aria-valuetext={fmt(shown)}
      style={{ top: plot.offsetTop + y(Math.min(shown, top)) }}
      onPointerDown={(e) => {
        e.currentTarget.setPointerCapture(e.pointerId)
        dragged.current = value
      }}
      onPointerMove={(e) => {
        if (dragged.current === null) return
        move(y.invert(e.clientY - plot.getBoundingClientRect().top))
      }}
      onPointerUp={settle}
      onPointerCancel={settle}
      onKeyDown={(e) => {
        const by = keys[e.key]
        if (by === undefined) return
        e.preventDefault()
        onMove(rounded(Math.max(0, value + by), top))
      }}
    >
      <span className="num">{fmt(shown)}</span>
    </div>
  )
}
