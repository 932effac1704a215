import { useEffect, useRef, useState } from 'react'
import { whileSeen } from '../../awake'
import { Spark } from '../../charts/Spark'
import { useOnce } from '../../ui/parts'
import { type PluralKey, t, tn } from '../../words'
import type { Tile } from './model'
import { Traces } from './trace'
import type { Today } from './useFleet'

const EDGE_MS = 10_000

/** Six hours from the store and the present value at the end; where nothing is stored yet, what came since the page was opened. */
export function line(tile: Tile, today: Today | null, traces: Traces): ArrayLike<number> & Iterable<number> {
  const past = today?.lines[tile.key] ?? []
  const known = past.filter((v) => v !== null)
  // one step is stored: with the present value it is a line already
  if (known.length === 1) return Float32Array.from([...known, tile.value ?? Number.NaN])
  if (!known.length) return traces.of(tile.key)
  const points = Float32Array.from(past, (v) => v ?? Number.NaN)
  points[points.length - 1] = tile.value ?? Number.NaN
  return points
}
function useLines(list: Tile[], today: Today | null) {
  const traces = useOnce(() => new Traces())
  const latest = useRef(list)
  latest.current = list
  const [lines, set] = useState<Record<string, ArrayLike<number> & Iterable<number>>>({})
  useEffect(() => {
    const draw = () => {
      for (const tile of latest.current) traces.push(tile.key, tile.value)
      set(Object.fromEntries(latest.current.map((tile) => [tile.key, line(tile, today, traces)])))
    }
    draw()
    return whileSeen(draw, EDGE_MS)
  }, [today, traces])
  return lines
}
/** How it differs from a week before, or from yesterday while there is no such week; nothing is made up. */
export function change(tile: Tile, today: Today | null): string {
  if (!today) return '\u00a0'
  const before = today.before?.[tile.key]
  if (!today.before || typeof before !== 'number' || tile.value === null) return t('fleet.noWeek')
  const stem = `fleet.vs.${today.before.ago}` as const
  const by = tile.value - before
  if (tile.key === 'net') {
    if (!before) return t('fleet.noWeek')
    const share = Math.round((by / before) * 100)
    return share ? t(stem, { by: `${share > 0 ? '+' : '−'}${Math.abs(share)}\u00a0%` }) : t(`${stem}Same`)
  }
  const whole = Math.round(by)
  if (!whole) return t(`${stem}Same`)
  const sign = whole > 0 ? '+' : '−'
  if (tile.key === 'up' || tile.key === 'alerts') return t(stem, { by: `${sign}${Math.abs(whole)}` })
  return t(stem, { by: tn('fleet.points' as PluralKey, Math.abs(whole), { n: `${sign}${Math.abs(whole)}` }) })
}
const EMPTY = new Float32Array(2).fill(Number.NaN)

export function Tiles({ list, today }: { list: Tile[]; today: Today | null }) {
  const lines = useLines(list, today)
  return (
    <dl className="card kpis">
      {list.map((tile, place) => (
        <div className="kpi" key={tile.key}>
          <dt>{tile.label}</dt>
          <dd className="num" data-value={tile.key}>
            {tile.text}
            <small>{tile.note}</small>
          </dd>
          <dd className="delta num" data-change={tile.key}>
            {/* that there is nothing to compare with is said once */}
            {place && change(tile, today) === t('fleet.noWeek') ? '\u00a0' : change(tile, today)}
            <Spark v={lines[tile.key] ?? EMPTY} c={tile.color} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
