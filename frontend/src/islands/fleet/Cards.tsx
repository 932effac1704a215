import { useEffect, useState } from 'react'
import { Spark } from '../../charts/Spark'
import { ago, duration, plain, rate, share } from '../../format'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { SeriesAnswer, Server } from '../../types'
import { Demo, faces, Icon, isFresh, Status } from '../../ui/parts'
import { t } from '../../words'
import { mark } from '../server/series'

const SPAN = 1800
const SHORTEST = 120
const POINTS = 180
type Kind = 'cpu' | 'memory' | 'disk' | 'net'
const METRICS: Record<Kind, string[]> = {
  cpu: ['cpu_used_percent'],
  memory: ['memory_used_percent'],
  disk: ['disk_used_percent'],
  net: ['net_received_bytes_per_second', 'net_sent_bytes_per_second'],
}
type Past = Record<Kind, Array<[number, number]>>

/** Half an hour of a few metrics, so that a card tells a story from its first second. */
async function past(id: string): Promise<Past> {
  const query = new URLSearchParams({ server: id, points: String(POINTS) })
  const end = now()
  query.set('start', String(Math.floor(end - SPAN)))
  query.set('end', String(Math.ceil(end)))
  for (const metric of Object.values(METRICS).flat()) query.append('metric', metric)
  const answer = await getJson<SeriesAnswer>(`/api/v1/series?${query}`)
  const together = (kind: Kind): Array<[number, number]> => {
    const lines = answer.series.filter((line) => METRICS[kind].includes(line.metric) && mark(line.metric, line.labels))
    return answer.t.flatMap((at, i): Array<[number, number]> => {
      const values = lines.map((line) => line.v[i]).filter((v): v is number => v !== null && v !== undefined)
      if (!values.length) return []
      return [[at, kind === 'net' ? values.reduce((a, b) => a + b, 0) : Math.max(...values)]]
    })
  }
  return { cpu: together('cpu'), memory: together('memory'), disk: together('disk'), net: together('net') }
}
/** How much time a card shows: half an hour, or what there is of it when the watching is young. */
export function spanOf(points: Array<[number, number]>, at: number): number {
  return Math.min(SPAN, Math.max(SHORTEST, at - (points[0]?.[0] ?? at)))
}
/** Points of that time on an even grid; NaN where none lies. A slot is as long as a report and no shorter. */
export function onGrid(points: Array<[number, number]>, interval: number, at: number, span = SPAN): Float32Array {
  const slot = Math.max(span / POINTS, interval)
  const n = Math.max(2, Math.floor(span / slot))
  const grid = new Float32Array(n).fill(Number.NaN)
  for (const [time, v] of points) {
    const i = n - 1 - Math.floor((at - time) / slot)
    if (i >= 0 && i < n) grid[i] = v
  }
  // a report may fall just beside its slot: one empty slot between two full ones is no silence
  for (let i = 1; i < n - 1; i++)
    if (Number.isNaN(grid[i]) && !Number.isNaN(grid[i - 1]) && !Number.isNaN(grid[i + 1])) grid[i] = grid[i - 1] ?? 0
  if (n > 1 && Number.isNaN(grid[n - 1])) grid[n - 1] = grid[n - 2] ?? Number.NaN
  return grid
}
function usePast(server: Server): Past {
  const [points, setPoints] = useState<Past>({ cpu: [], memory: [], disk: [], net: [] })
  const { id } = server
  useEffect(() => {
    let here = true
    past(id).then(
      (loaded) => here && setPoints(loaded),
      () => undefined, // the card then fills from now on
    )
    return () => {
      here = false
    }
  }, [id])
  useEffect(() => {
    const { seen } = server
    if (seen === null) return
    setPoints((before) => {
      const add = (kind: Kind) => {
        const v = server[kind]
        const list = before[kind]
        if (v === null || (list.at(-1)?.[0] ?? 0) >= seen) return list
        return [...list.filter(([time]) => time > seen - SPAN), [seen, v] as [number, number]]
      }
      return { cpu: add('cpu'), memory: add('memory'), disk: add('disk'), net: add('net') }
    })
  }, [server])
  return points
}
const COLORS: Record<Kind, string> = { cpu: '--c1', memory: '--c2', disk: '--c4', net: '--c3' }

function Reading({
  kind,
  server,
  points,
  at,
  clock,
  span,
}: {
  kind: Kind
  server: Server
  points: Array<[number, number]>
  at: number
  clock: number
  span: number
}) {
  const fresh = isFresh(server, at)
  const value = server[kind]
  const label = t(kind === 'net' ? 'metric.network' : kind === 'disk' ? 'metric.diskFull' : `metric.${kind}`)
  // quiet unless an alert says so: a busy CPU alone is no trouble
  const hot = server.health !== 'ok' && kind !== 'net' && value !== null && fresh && value >= 80
  const color = hot ? (value >= 90 ? '--map-crit' : '--map-warn') : COLORS[kind]
  return (
    <div className="reading">
      <dt>{label}</dt>
      <dd className={`num ${fresh && value !== null ? '' : 'dim'}`} data-value={kind}>
        <span>
          {kind === 'net' ? rate(value) : share(value)}
          {!fresh && value !== null && server.seen !== null && ' '}
          {!fresh && value !== null && server.seen !== null && <small>{ago(clock - server.seen)}</small>}
        </span>
        <Spark v={onGrid(points, server.interval, at, span)} max={kind === 'net' ? undefined : 100} c={color} />
      </dd>
    </div>
  )
}
/** One server as a card: what a small fleet shows in place of map and table. */
export function ServerCard({ server, at, large }: { server: Server; at: number; large: boolean }) {
  const points = usePast(server)
  // the sparks move with the reports, not with every second
  const edge = Math.floor(at / 5) * 5 + 5
  const span = spanOf(points.cpu, edge)
  return (
    <section className="card scard" aria-label={server.name}>
      <header>
        <div>
          <h2>
            <a href={server.url}>{server.name}</a>
          </h2>
          <p className="dim">
            {server.demo && <Demo />}
            {[server.os, ...server.tags, server.team].filter(Boolean).join(' · ')}
          </p>
        </div>
        <span className="sp" />
        {faces(server).map(({ tone, word }) => (
          <Status key={word} s={tone}>
            {word}
          </Status>
        ))}
      </header>
      <dl className="readings">
        {(['cpu', 'memory', 'disk', 'net'] as const).map((kind) => (
          <Reading key={kind} kind={kind} server={server} points={points[kind]} at={edge} clock={at} span={span} />
        ))}
      </dl>
      <footer>
        <span className="dim num">
          {t('metric.load')} {plain(server.load)}
        </span>
        <span className="dim num">
          {server.seen === null ? t('state.new') : t('server.seen', { age: ago(at - server.seen) })}
        </span>
        {large && <span className="dim hide">{t('fleet.last', { age: duration(Math.round(span / 60) * 60) })}</span>}
        <span className="sp" />
        <a className="more" href={server.url}>
          {t('fleet.details')} <Icon n="next" s={13} />
        </a>
      </footer>
    </section>
  )
}
