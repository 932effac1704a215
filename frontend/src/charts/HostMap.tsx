// The server map: one canvas, one cell a server. React lays it out; a message repaints only the cells that look different.
import { Fragment, useEffect, useMemo, useRef, useState } from 'react'
import { whileSeen } from '../awake'
import { share } from '../format'
import { toneOf } from '../islands/fleet/model'
import type { Fleet } from '../islands/fleet/store'
import { on } from '../keys'
import { now } from '../live/clock'
import type { Server } from '../types'
import { face, isFresh, type Tone } from '../ui/parts'
import { count, t, tn } from '../words'
import { sizeOf, surface } from './ink'

export type Colour = 'cpu' | 'memory' | 'disk'
const COLOURS: Colour[] = ['cpu', 'memory', 'disk']
const MANY = 2500
const HEAD = 22
const AGED_MS = 5000

interface Cell {
  id: string
  x: number
  y: number
  block: Block
}
interface Block {
  name: string
  x: number
  y: number
  per: number
  from: number
  n: number
  w: number
}
interface Layout {
  size: number
  step: number
  cells: Cell[]
  blocks: Block[]
  h: number
}
const GROWN = [22, 19]
const ROOM = 300 // pixels of height that a small fleet may fill

/** Cells as large as the room lets them be: a few servers need not be specks in a large card. */
export function layOut(groups: Array<[string, Server[]]>, w: number): Layout {
  const n = groups.reduce((sum, [, list]) => sum + list.length, 0)
  const least = n > MANY || w < 480 ? 10 : w < 900 ? 13 : 16
  const gap = n > MANY ? 2 : 3
  for (const size of n > MANY ? [] : GROWN) {
    const made = flow(groups, w, size, gap)
    if (made.h <= ROOM) return made
  }
  return flow(groups, w, least, gap)
}
/** Groups in columns, each new one where the least stands: a calm flow of one to three columns. */
function flow(groups: Array<[string, Server[]]>, w: number, size: number, gap: number): Layout {
  const step = size + gap
  const columns = Math.min(w < 560 ? 1 : w < 900 ? 2 : 3, groups.length || 1)
  const width = (w - 20 * (columns - 1)) / columns
  const per = Math.max(1, Math.floor((width + step - size) / step))
  const ends: number[] = Array(columns).fill(0)
  const cells: Cell[] = []
  const blocks: Block[] = []
  for (const [name, list] of groups) {
    const column = ends.indexOf(Math.min(...ends))
    const y = ends[column] ?? 0
    const x = column * (width + 20)
    const block = { name, x, y, per, from: cells.length, n: list.length, w: width }
    blocks.push(block)
    for (const [i, { id }] of list.entries())
      cells.push({ id, x: x + (i % per) * step, y: y + HEAD + Math.floor(i / per) * step, block })
    ends[column] = y + HEAD + Math.ceil(list.length / per) * step + 16
  }
  return { size, step, cells, blocks, h: Math.max(HEAD, ...ends) - 10 }
}
/** The cell under a point, by arithmetic: ten thousand are not searched. */
export function cellAt({ blocks, cells, step }: Layout, x: number, y: number): number {
  for (const { x: left, y: top, per, from, n } of blocks) {
    const column = Math.floor((x - left + 1) / step)
    const row = Math.floor((y - top - HEAD + 1) / step)
    const at = row * per + column
    if (column >= 0 && column < per && row >= 0 && at < n && cells[from + at]) return from + at
  }
  return -1
}
/** The nearest cell of the row above or below. */
export function beside(cells: Cell[], i: number, down: boolean): number {
  const from = cells[i]
  if (!from) return 0
  let best = i
  let least = Number.POSITIVE_INFINITY
  for (const [j, { x, y }] of cells.entries()) {
    const dy = y - from.y
    if (down ? dy <= 0 : dy >= 0) continue
    const far = Math.abs(dy) * 3 + Math.abs(x - from.x)
    if (far < least) {
      least = far
      best = j
    }
  }
  return best
}
/** A small white or dark sign: the second channel beside colour. */
function glyph(g: CanvasRenderingContext2D, tone: Tone, x: number, y: number, z: number) {
  const m = z / 2
  const q = z * 0.2
  g.strokeStyle = tone === 'warn' ? '#3a2400' : '#fff'
  g.lineWidth = 1.6
  g.beginPath()
  if (tone === 'crit') {
    g.moveTo(x + m - q, y + m - q)
    g.lineTo(x + m + q, y + m + q)
    g.moveTo(x + m + q, y + m - q)
    g.lineTo(x + m - q, y + m + q)
  } else if (tone === 'warn') {
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
interface Inks {
  ramp: string[]
  tones: Record<Tone, string>
  text: string
  quiet: string
  font: string
}
/** The three parts of a colour token such as #58b89b. */
const channels = (hex: string): number[] => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) || 0)

function inksOf(cv: HTMLElement): Inks {
  const style = getComputedStyle(cv)
  const v = (name: string) => style.getPropertyValue(name).trim()
  const [low, high] = [channels(v('--map-ok-0')), channels(v('--map-ok-1'))]
  const ramp = (k: number) => `rgb(${low.map((c, i) => Math.round(c + ((high[i] ?? c) - c) * k)).join()})`
  return {
    ramp: Array.from({ length: 21 }, (_, i) => ramp(0.12 + (0.88 * i) / 20)),
    tones: {
      ok: v('--map-off'),
      off: v('--map-off'),
      warn: v('--map-warn'),
      crit: v('--map-crit'),
      info: v('--map-maint'),
    },
    text: v('--text-2'),
    quiet: v('--text-3'),
    font: style.fontFamily,
  }
}
/** Holds what each cell looks like on the canvas, and paints those that shall look different. */
class Painter {
  private looks: string[] = []
  private bad: Map<Block, number> = new Map()
  private inks: Inks
  private g: CanvasRenderingContext2D | null
  private places: Map<string, number[]> // a server stands in each of its groups
  constructor(
    private cv: HTMLCanvasElement,
    private layout: Layout,
    private fleet: Fleet,
    private by: Colour,
  ) {
    this.inks = inksOf(cv)
    this.g = surface(cv, sizeOf(cv))
    this.places = new Map()
    for (const [at, { id }] of layout.cells.entries()) {
      const known = this.places.get(id)
      if (known) known.push(at)
      else this.places.set(id, [at])
    }
    this.all()
  }
  /** Everything anew: one path for each colour, a thousand single fills cost several times as much. */
  all(): void {
    this.inks = inksOf(this.cv)
    this.g = surface(this.cv, sizeOf(this.cv))
    const { g } = this
    const at = now()
    const fills = new Map<string, Cell[]>()
    const signs: Array<[Tone, Cell]> = []
    this.bad = new Map(this.layout.blocks.map((block) => [block, 0]))
    this.looks = this.layout.cells.map((cell) => {
      const [fill, tone] = this.look(this.fleet.get(cell.id), at)
      const same = fills.get(fill)
      if (same) same.push(cell)
      else fills.set(fill, [cell])
      if (tone !== 'ok') signs.push([tone, cell])
      this.count(cell.block, tone, 1)
      return `${fill}|${tone}`
    })
    if (!g) return
    const z = this.layout.size
    for (const block of this.layout.blocks) this.head(block)
    for (const [fill, cells] of fills) {
      g.fillStyle = fill
      g.beginPath()
      for (const cell of cells) g.roundRect(cell.x, cell.y, z, z, z / 4)
      g.fill()
    }
    for (const [tone, cell] of signs) glyph(g, tone, cell.x, cell.y, z)
  }
  /** Those of these servers whose look changed; all, where nothing is said. */
  some(changed?: Iterable<Server>): void {
    const at = now()
    const heads = new Set<Block>()
    const judge = (place: number, server: Server | undefined) => {
      const cell = this.layout.cells[place]
      if (!cell) return
      const [fill, tone] = this.look(server, at)
      const look = `${fill}|${tone}`
      const before = this.looks[place]
      if (look === before) return
      this.looks[place] = look
      const was = before?.slice(before.indexOf('|') + 1) as Tone
      if (was !== tone) {
        this.count(cell.block, was, -1)
        this.count(cell.block, tone, 1)
        heads.add(cell.block)
      }
      this.cell(cell, fill, tone)
    }
    if (changed) {
      for (const server of changed) for (const place of this.places.get(server.id) ?? []) judge(place, server)
    } else for (const [place, cell] of this.layout.cells.entries()) judge(place, this.fleet.get(cell.id))
    for (const block of heads) this.head(block)
  }
  private look(server: Server | undefined, at: number): [string, Tone] {
    if (!server) return [this.inks.tones.off, 'off']
    const tone = toneOf(server)
    const value = server[this.by]
    if (tone !== 'ok' || value === null || !isFresh(server, at)) return [this.inks.tones[tone], tone]
    return [this.inks.ramp[Math.max(0, Math.min(20, Math.round(value / 5)))] ?? this.inks.tones.off, tone]
  }
  private count(block: Block, tone: Tone, by: number): void {
    if (tone !== 'ok' && tone !== 'info') this.bad.set(block, (this.bad.get(block) ?? 0) + by)
  }
  private cell({ x, y }: Cell, fill: string, tone: Tone): void {
    const { g } = this
    if (!g) return
    const z = this.layout.size
    g.clearRect(x - 0.5, y - 0.5, z + 1, z + 1)
    g.fillStyle = fill
    g.beginPath()
    g.roundRect(x, y, z, z, z / 4)
    g.fill()
    if (tone !== 'ok') glyph(g, tone, x, y, z)
  }
  private head(block: Block): void {
    const { g, inks } = this
    if (!g) return
    g.clearRect(block.x, block.y, block.w, HEAD - 4)
    const bad = this.bad.get(block) ?? 0
    const words = tn(bad ? 'fleet.groupBad' : 'fleet.group', block.n, { bad })
    g.font = `12px ${inks.font}`
    const room = block.w - g.measureText(words).width - 8
    g.fillStyle = inks.text
    g.font = `550 12px ${inks.font}`
    const name = clipped(g, block.name, room)
    g.fillText(name, block.x, block.y + 12)
    const used = g.measureText(name).width
    g.font = `12px ${inks.font}`
    g.fillStyle = inks.quiet
    g.fillText(words, block.x + used + 8, block.y + 12)
  }
}
function clipped(g: CanvasRenderingContext2D, text: string, room: number): string {
  let shown = text
  while (shown.length > 3 && g.measureText(shown).width > room) shown = `${shown.slice(0, -2).trimEnd()}…`
  return shown
}
export function HostMap({ fleet, groups, by }: { fleet: Fleet; groups: Array<[string, Server[]]>; by: Colour }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const [w, setW] = useState(0)
  const [chosen, choose] = useState<[id: string, group: string] | null>(null)
  const layout = useMemo(() => layOut(groups, w || 800), [groups, w])
  const place =
    chosen === null ? -1 : layout.cells.findIndex(({ id, block }) => id === chosen[0] && block.name === chosen[1])
  const cell = layout.cells[place]
  const server = chosen === null ? undefined : fleet.get(chosen[0])
  useEffect(() => {
    const map = canvas.current?.closest('.map')
    if (!map) return
    const ro = new ResizeObserver(() => setW(map.clientWidth - 32))
    ro.observe(map)
    return () => ro.disconnect()
  }, [])
  useEffect(() => {
    const cv = canvas.current
    if (!cv || !w) return
    const painter = new Painter(cv, layout, fleet, by)
    let frame = 0
    let waiting: Server[] = []
    const paint = () => {
      frame = 0
      painter.some(waiting)
      waiting = []
    }
    const stop = fleet.watch((changed) => {
      waiting.push(...changed)
      frame ||= requestAnimationFrame(paint)
    })
    // what falls silent is told by nobody while the line is down: it ages by itself
    const stopAging = whileSeen(() => painter.some(), AGED_MS)
    const all = () => painter.all()
    let here = true
    document.fonts?.ready.then(() => here && all())
    const mo = new MutationObserver(all)
    mo.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    return () => {
      here = false
      stop()
      cancelAnimationFrame(frame)
      stopAging()
      mo.disconnect()
    }
  }, [layout, fleet, by, w])
  const go = (to: number, exactly = false) => {
    const next = layout.cells[exactly ? to : Math.max(0, Math.min(layout.cells.length - 1, to))]
    choose(next ? [next.id, next.block.name] : null)
  }
  const problem = () => {
    const bad = ({ id }: Cell) => {
      const one = fleet.get(id)
      return one !== undefined && toneOf(one) !== 'ok' && toneOf(one) !== 'info'
    }
    const after = layout.cells.findIndex((one, i) => i > place && bad(one))
    return after < 0 ? layout.cells.findIndex(bad) : after
  }
  const next = useRef(() => {})
  next.current = () => {
    const to = problem()
    if (to < 0) return
    go(to)
    box.current?.focus({ preventScroll: true })
    const y = layout.cells[to]?.y ?? 0
    const top = (box.current?.getBoundingClientRect().top ?? 0) + y
    if (top < 80 || top > innerHeight - 120) scrollBy({ top: top - innerHeight / 2 })
  }
  useEffect(() => on('n', () => next.current(), t('fleet.nextProblem')), [])
  const open = () => {
    if (server) location.assign(server.url)
  }
  const key = (e: React.KeyboardEvent) => {
    if (e.key === 'Enter') open()
    else if (e.key === 'Escape') choose(null)
    else if (e.key === 'ArrowRight') go(place + 1)
    else if (e.key === 'ArrowLeft') go(place < 0 ? 0 : place - 1)
    else if (e.key === 'ArrowDown' || e.key === 'ArrowUp') go(beside(layout.cells, place, e.key === 'ArrowDown'))
    else return
    e.preventDefault()
  }
  const point = (e: React.PointerEvent) => {
    const at = e.currentTarget.getBoundingClientRect()
    go(cellAt(layout, e.clientX - at.left, e.clientY - at.top), true)
  }
  const [all, bad] = useMemo(() => {
    const each = [...new Set(groups.flatMap(([, list]) => list))]
    return [each.length, each.filter((one) => toneOf(one) !== 'ok').length]
  }, [groups])
  return (
    <div className="map">
      <div
        ref={box}
        className="cells"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the map is one widget with its own keys, said in its label
        tabIndex={0}
        role="application"
        aria-roledescription={t('fleet.map')}
        aria-label={t('fleet.mapLabel', { n: count(all), bad })}
        onPointerMove={point}
        onPointerLeave={() => choose(null)}
        onClick={open}
        onKeyDown={key}
      >
        <canvas ref={canvas} style={{ height: layout.h }} />
        {cell && (
          <i
            className="pick"
            style={{ left: cell.x - 3, top: cell.y - 3, width: layout.size + 6, height: layout.size + 6 }}
          />
        )}
      </div>
      <span className="sr" aria-live="polite">
        {server ? `${server.name}, ${face(server).word}, ${t(`metric.${by}`)} ${share(server[by])}` : ''}
      </span>
      {cell && server && (
        <div
          className="tip"
          style={{ left: Math.max(8, Math.min(cell.x + 40, w - 150)), top: cell.y + layout.size + 16 }}
        >
          <strong>{server.name}</strong> <span className={face(server).tone}>{face(server).word}</span>
          <dl className="num">
            {COLOURS.map((metric) => (
              <Fragment key={metric}>
                <dt>{t(`metric.${metric}`)}</dt>
                <dd>{isFresh(server, now()) ? share(server[metric]) : t('value.none')}</dd>
              </Fragment>
            ))}
          </dl>
        </div>
      )}
    </div>
  )
}
