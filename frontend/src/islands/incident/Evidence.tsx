// The series that broke the rule, around the time when they did: one picture each, all with one window and one cursor.
import { useEffect, useState } from 'react'
import { whileSeen } from '../../awake'
import type { Line } from '../../charts/engine'
import { Sync } from '../../charts/sync'
import { TimeChart } from '../../charts/TimeChart'
import { unitOf } from '../../format'
import { beganAt } from '../../incidents'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { Incident, Member, SeriesAnswer } from '../../types'
import { useOnce } from '../../ui/parts'
import { t } from '../../words'
import { blurred, isReal, sharpen, wordsOf } from '../server/series'

const MARGIN = 1800
const POINTS = 600
const LONGEST = 7 * 86400
const RENEW_MS = 15_000
const MOST = 6
// rules without a series of their own: there is nothing to draw
const DERIVED = new Set(['', 'silent_seconds', 'condition'])

interface Proof {
  key: string
  server: { id: string; name: string }
  title: string
  metric: string
  labels: Record<string, string>
  limit: number | null
  per?: string
  critical: boolean
  since: number
  until: number | null
}
const number = (v: number | null | undefined) => (v === null || v === undefined ? Number.NaN : v)
const keyOf = (server: string, metric: string, labels: Record<string, string>) =>
  `${server} ${metric} ${JSON.stringify(labels)}`

/** What there is to see: the one that speaks first, then the other members, each series once. */
export function proofs(incident: Incident, members: Member[]): Proof[] {
  const found = new Map<string, Proof>()
  const add = (server: { id: string; name: string } | null, one: Omit<Proof, 'key' | 'server'>) => {
    if (!server || DERIVED.has(one.metric)) return
    const key = keyOf(server.id, one.metric, one.labels)
    if (!found.has(key)) found.set(key, { ...one, key, server })
  }
  const several = new Set(members.map((one) => one.server.id)).size > 1
  const named = (what: string, server: string) => (several ? `${server} · ${what}` : what)
  const { server } = incident
  add(server, {
    title: named(incident.what || incident.metric, server?.name ?? ''),
    metric: incident.metric,
    labels: incident.labels,
    limit: incident.limit,
    per: incident.per,
    critical: incident.severity === 'critical',
    since: beganAt(incident),
    until: incident.until,
  })
  for (const one of members)
    add(one.server, {
      title: named(one.what, one.server.name),
      metric: one.metric,
      labels: one.labels,
      limit: one.limit,
      per: one.per,
      critical: one.severity === 'critical',
      since: one.since,
      until: one.until,
    })
  return [...found.values()].slice(0, MOST)
}
/** How far its samples lie apart, most of them: a check is not looked at as often as a machine reports. */
export function every(times: number[], values: Array<number | null>): number {
  const real = times.filter((_, i) => isReal(values[i]))
  const apart = real.slice(1).map((time, i) => time - (real[i] ?? time))
  return apart.sort((a, b) => a - b)[Math.floor(apart.length / 2)] ?? 0
}
function Picture({ proof, sync, window }: { proof: Proof; sync: Sync; window: () => [number, number] }) {
  const fmt = useOnce(() => unitOf(proof.metric))
  const data = useOnce(() => ({
    t: new Float64Array(0),
    lines: [{ key: 'v', label: proof.title, color: '--c1', values: new Float64Array(0) } as Line],
    step: 10,
    anomalies: [[proof.since, proof.until ?? now()]] as Array<[number, number]>,
    // the line shows what was measured; a limit for each core is no line in that picture
    threshold: proof.per ? undefined : (proof.limit ?? undefined),
    max: proof.metric.endsWith('_percent') ? 100 : undefined,
    critical: proof.critical,
    least: proof.metric.includes('_bytes') ? 1000 : undefined,
    words: wordsOf(),
  }))
  const [state, setState] = useState<'some' | 'none' | 'failed'>('some')
  const { until } = proof
  useEffect(() => {
    const stop = new AbortController()
    const load = async () => {
      const [start, end] = window()
      const ask = (from: number, to: number, points?: number) => {
        const query = new URLSearchParams({ server: proof.server.id, metric: proof.metric })
        if (points) query.set('points', String(points))
        query.set('start', String(Math.floor(from)))
        query.set('end', String(Math.ceil(to)))
        return getJson<SeriesAnswer>(`/api/v1/series?${query}`, stop.signal)
      }
      const rough = await ask(start, end, POINTS)
      const last = blurred(rough)
      const answer = last ? sharpen(rough, await ask(...last)) : rough
      const same = (labels: Record<string, string>) =>
        Object.entries(proof.labels).every(([key, value]) => labels[key] === value)
      const found = answer.series.find((one) => one.metric === proof.metric && same(one.labels))
      const line = data.lines[0]
      if (line) {
        line.values = Float64Array.from(found?.v ?? [], number)
        line.low = Float64Array.from(found?.min ?? [], number)
        line.high = Float64Array.from(found?.max ?? [], number)
      }
      data.t = Float64Array.from(found ? answer.t : [])
      data.step = Math.max(10, answer.step, found ? every(answer.t, found.v) : 0)
      data.anomalies = [[proof.since, until ?? end]]
      sync.home = [start, end]
      if (sync.live) sync.range = sync.home
      setState(found?.v.some((v) => v !== null) ? 'some' : 'none')
      sync.redraw()
    }
    const run = () =>
      void load().catch(() => {
        if (!stop.signal.aborted && !data.t.length) setState('failed')
      })
    run()
    const rest = until === null ? whileSeen(run, RENEW_MS) : undefined
    return () => {
      stop.abort()
      rest?.()
    }
  }, [proof, until, data, sync, window])
  if (state === 'some') return <TimeChart title={proof.title} data={data} sync={sync} fmt={fmt} />
  return (
    <p className="card hint pad">
      {proof.title}: {t(state === 'none' ? 'server.noSamples' : 'evidence.failed')}
    </p>
  )
}
export function Evidence({ incident, members = [] }: { incident: Incident; members?: Member[] }) {
  const began = beganAt(incident)
  const sync = useOnce(() => new Sync([Math.max(began - MARGIN, now() - LONGEST), incident.until ?? now()]))
  const { until } = incident
  const [window, setWindow] = useState(() => windowOf(began, until))
  useEffect(() => setWindow(() => windowOf(began, until)), [began, until])
  const [list, setList] = useState(() => proofs(incident, members))
  const fresh = proofs(incident, members)
  // the same series stay the same pictures: only another one, or its end, draws anew
  const stamp = (some: Proof[]) => some.map((one) => `${one.key}${one.until}${one.limit}`).join('|')
  if (stamp(fresh) !== stamp(list)) setList(fresh)
  return (
    <>
      {list.map((one) => (
        <Picture key={one.key} proof={one} sync={sync} window={window} />
      ))}
    </>
  )
}
/** Half an hour before it began, to half an hour after its end or to now. */
function windowOf(began: number, until: number | null): () => [number, number] {
  return () => {
    const end = until === null ? now() : Math.min(until + MARGIN, now())
    return [Math.max(began - MARGIN, end - LONGEST), end]
  }
}
