// What the fleet page says, worked out from servers and incidents. Nothing here draws.

import { ago, duration } from '../../format'
import type { FleetProps, Incident, Message, Server } from '../../types'
import { face, isFresh, type Tone } from '../../ui/parts'
import { count, t, tn } from '../../words'
import { byWeight, withIncident } from '../page'

export function fold(state: FleetProps, { topic, data }: Message): FleetProps {
  if (topic === 'incidents') {
    const incidents = withIncident(state.incidents, data.incident as Incident)
    return { ...state, incidents: incidents.filter((incident) => incident.state !== 'resolved') }
  }
  const changed = new Map(((data.servers as Server[] | undefined) ?? []).map((server) => [server.id, server]))
  const servers = state.servers.map((server) => {
    const next = changed.get(server.id)
    changed.delete(server.id)
    return next ?? server
  })
  const removed = new Set((data.removed as string[] | undefined) ?? [])
  return { ...state, servers: [...servers, ...changed.values()].filter((server) => !removed.has(server.id)) }
}
export interface Tile {
  key: string
  label: string
  value: number | null
  text: string
  note: string
  color: string
}
const mean = (values: number[]) => (values.length ? values.reduce((sum, v) => sum + v, 0) / values.length : null)
const real = (list: Server[], key: 'cpu' | 'memory' | 'net') =>
  list.map((server) => server[key]).filter((v): v is number => v !== null)

export function tiles(
  { servers, incidents }: FleetProps,
  at: number,
  write: { percent: (v: number | null) => string; rate: (v: number | null) => string },
): Tile[] {
  const watched = servers.filter((server) => server.reach !== 'paused')
  const fresh = watched.filter((server) => isFresh(server, at))
  const critical = incidents.filter((incident) => incident.severity === 'critical').length
  const level = (key: 'cpu' | 'memory', label: string, color: string): Tile => {
    const values = real(fresh, key)
    const value = mean(values)
    return { key, label, value, text: write.percent(value), note: t('fleet.mean', { n: count(values.length) }), color }
  }
  const net = real(fresh, 'net')
  const sum = net.length ? net.reduce((a, b) => a + b, 0) : null
  return [
    {
      key: 'up',
      label: t('fleet.reporting'),
      value: fresh.length,
      text: count(fresh.length),
      note: t('fleet.of', { n: count(watched.length) }),
      color: '--ok',
    },
    {
      key: 'alerts',
      label: t('fleet.openAlerts'),
      value: incidents.length,
      text: count(incidents.length),
      note: critical ? t('fleet.critical', { n: count(critical) }) : t('fleet.none'),
      color: '--map-crit',
    },
    level('cpu', t('fleet.cpu'), '--c1'),
    level('memory', t('fleet.memory'), '--c2'),
    {
      key: 'net',
      label: t('metric.network'),
      value: sum,
      text: write.rate(sum),
      note: t('fleet.sum', { n: count(net.length) }),
      color: '--c3',
    },
  ]
}
export interface Need {
  key: string
  tone: Tone
  title: string
  detail: string
  url: string
  incident?: Incident
}
const SHOWN = 7
const LISTED = 3
/** Servers that say nothing: each its own line, many in one. An incident tells what else is wrong with them. */
function silences(servers: Server[], reach: 'down' | 'late', at: number): Need[] {
  const quiet = servers.filter((server) => server.reach === reach)
  const tone = reach === 'down' ? 'off' : 'warn'
  const stem = reach === 'down' ? 'fleet.silent' : 'fleet.late'
  const age = (server: Server) => (server.seen === null ? t('age.never') : duration(at - server.seen))
  const need = (key: string, title: string, detail: string, url: string): Need => ({ key, tone, title, detail, url })
  if (quiet.length <= LISTED)
    return quiet.map((one) => {
      const detail = one.seen === null ? '' : t('fleet.lastReport', { age: ago(at - one.seen) })
      return need(`${reach} ${one.id}`, tn(stem, 1, { name: one.name }), detail, one.url)
    })
  const names = quiet.slice(0, LISTED).map((one) => `${one.name} ${age(one)}`)
  const more = t('fleet.more', { n: quiet.length - LISTED })
  return [need(reach, tn(stem, quiet.length), `${names.join(', ')}, ${more}`, quiet[0]?.url ?? '/')]
}
export function needs(state: FleetProps, at: number): Need[] {
  const list: Need[] = [...state.incidents].sort(byWeight).map((incident) => ({
    key: incident.id,
    tone: incident.severity === 'critical' ? 'crit' : 'warn',
    title: incident.title,
    detail: [incident.server?.name, t('incident.since', { age: duration(at - incident.since) })]
      .filter(Boolean)
      .join(' · '),
    url: incident.url,
    incident,
  }))
  const place = list.findIndex((need) => need.tone === 'warn')
  list.splice(place < 0 ? list.length : place, 0, ...silences(state.servers, 'down', at))
  return [...list, ...silences(state.servers, 'late', at)]
}
export const shown = (list: Need[]): Need[] => list.slice(0, SHOWN)

/** The first line of the page: a sentence that answers "are we fine?". */
export function sentence(state: FleetProps, at: number): { head: string; lede: string } {
  const { servers } = state
  const n = servers.length
  const only = n === 1 ? servers[0] : undefined
  const todo = needs(state, at).filter((need) => need.incident?.state !== 'acknowledged').length
  const healthy = servers.filter((server) => face(server).tone === 'ok').length
  if (!n) return { head: t('fleet.empty'), lede: t('fleet.emptyLede') }
  if (servers.every((server) => server.reach === 'new'))
    return { head: t('fleet.waiting'), lede: t('fleet.waitingLede') }
  if (only) return oneServer(only, todo, state.incidents.length, at)
  const of = tn('fleet.healthyOf', healthy, { ok: count(healthy), n: count(n) })
  if (todo) return { head: tn('fleet.needs', todo), lede: of }
  if (healthy === n)
    return { head: n === 2 ? t('fleet.bothWell') : t('fleet.allWell', { n: count(n) }), lede: t('fleet.noAlerts') }
  return { head: t('fleet.quiet'), lede: of }
}
function oneServer(server: Server, todo: number, open: number, at: number): { head: string; lede: string } {
  const age = server.seen === null ? t('age.never') : ago(at - server.seen)
  const last = t('fleet.lastReport', { age })
  const good = face(server).tone === 'ok' && !todo
  const head = t(good ? 'fleet.oneWell' : 'fleet.oneNeeds', { name: server.name })
  return { head, lede: open || !good ? last : `${t('fleet.noAlerts')} ${last}` }
}
export function grouped(servers: Server[], by: 'tag' | 'os'): Array<[string, Server[]]> {
  const groups = new Map<string, Server[]>()
  for (const server of servers) {
    const name = by === 'tag' ? (server.tags[0] ?? t('fleet.untagged')) : server.os || t('fleet.unknownOs')
    const list = groups.get(name)
    if (list) list.push(server)
    else groups.set(name, [server])
  }
  return [...groups].sort((a, b) => b[1].length - a[1].length)
}
const RANK: Record<Tone, number> = { crit: 0, off: 1, warn: 2, info: 3, ok: 4 }
const names = new Intl.Collator(undefined, { numeric: true })

/** The rows of the table: what is worst first, then by name. Worked out on every message, so each is judged once. */
export function rows(servers: Server[], query: string, show: 'all' | 'bad'): Server[] {
  const wanted = query.trim().toLowerCase()
  const judged: Array<{ server: Server; rank: number }> = []
  for (const server of servers) {
    const { tone } = face(server)
    if (show === 'bad' && tone === 'ok') continue
    if (wanted && !`${server.name} ${server.tags.join(' ')} ${server.os}`.toLowerCase().includes(wanted)) continue
    judged.push({ server, rank: RANK[tone] })
  }
  judged.sort((a, b) => a.rank - b.rank || names.compare(a.server.name, b.server.name))
  return judged.map(({ server }) => server)
}
