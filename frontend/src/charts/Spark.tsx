import { useEffect, useRef } from 'react'
import { dot, gaps, hatch, readTheme, runs, sizeOf, surface } from './ink'

/** Least and greatest of what was measured; 0 to 1 where nothing was. */
function extent(v: Iterable<number>): [number, number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const one of v) {
    if (one < low) low = one
    if (one > high) high = one
  }
  return low > high ? [0, 1] : [low, high]
}
/** A small line. Before the first sample it is empty; a hole between samples is hatched. */
export function Spark({
  v,
  c = '--c1',
  max,
  fill = true,
}: {
  v: ArrayLike<number> & Iterable<number>
  c?: string
  max?: number
  fill?: boolean
}) {
  const ref = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const cv = ref.current
    if (!cv) return
    const paint = () => {
      const size = sizeOf(cv)
      const g = surface(cv, size)
      if (!g) return
      const { w, h } = size
      const th = readTheme(cv)
      const n = v.length
      const [low, high] = extent(v)
      const lo = max ? 0 : low
      const flat = (max ?? high) === lo
      const k = (h - 3) / ((max ?? high) - lo || 1)
      const px = (i: number) => (i / (n - 1)) * w
      const py = (i: number) => (flat ? h / 2 : h - 1.5 - (v[i] - lo) * k)
      const col = th.color(c)
      const gradient = g.createLinearGradient(0, 0, 0, h)
      gradient.addColorStop(0, `${col}30`)
      gradient.addColorStop(1, `${col}00`)
      const parts = runs(v)
      for (const [a, b] of parts) {
        g.beginPath()
        for (let i = a; i <= b; i++) g.lineTo(px(i), py(i))
        g.strokeStyle = col
        g.lineWidth = 1.4
        g.lineJoin = 'round'
        g.lineCap = 'round'
        g.stroke()
        if (a === b) dot(g, Math.min(w - 2, Math.max(2, px(a))), Math.min(h - 2, Math.max(2, py(a))), col, 2)
        if (!fill || a === b) continue
        g.lineTo(px(b), h)
        g.lineTo(px(a), h)
        g.fillStyle = gradient
        g.fill()
      }
      const from = parts[0]?.[0] ?? n
      for (const [a, b] of gaps(parts, from, n - 1)) hatch(g, px(a), 2, px(b) - px(a), h - 4, th.ghost)
    }
    paint()
    const mo = new MutationObserver(paint)
    mo.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    return () => mo.disconnect()
  }, [v, c, max, fill])
  return (
    <span className="spark" aria-hidden="true">
      <canvas ref={ref} />
    </span>
  )
}
