// What the fleet page says, worked out from servers and incidents. Nothing here draws.

import { ago, duration, percent } from '../../format'
import { beganAt, calledSilent, roots } from '../../incidents'
import type { Incident, Server } from '../../types'
import { face, incidentWord, isFresh, type Tone } from '../../ui/parts'
import { count, t, tn } from '../../words'

export interface State {
  servers: Server[]
  incidents: Incident[]
}
/** The tone alone, as `face` has it, without its word: asked of every server every second. */
export function toneOf({ reach, health }: Server): Tone {
  if (reach === 'paused') return 'info'
  if (reach === 'down' || reach === 'new') return 'off'
  if (health === 'critical') return 'crit'
  return reach === 'late' || health === 'warn' ? 'warn' : 'ok'
}
export interface Tile {
  key: 'up' | 'alerts' | 'cpu' | 'memory' | 'net'
  label: string
  value: number | null
  text: string
  note: string
  color: string
}
export function tiles(
  { servers, incidents }: State,
  at: number,
  write: { percent: (v: number | null) => string; rate: (v: number | null) => string },
): Tile[] {
  let watched = 0
  let fresh = 0
  const sums = { cpu: [0, 0], memory: [0, 0], net: [0, 0] }
  for (const server of servers) {
    if (server.reach === 'paused') continue
    watched++
    if (!isFresh(server, at)) continue
    fresh++
    for (const key of ['cpu', 'memory', 'net'] as const) {
      const v = server[key]
      if (v === null) continue
      sums[key][0] += v
      sums[key][1]++
    }
  }
  const causes = roots(incidents)
  const critical = causes.filter((incident) => incident.severity === 'critical').length
  const level = (key: 'cpu' | 'memory', label: string, color: string): Tile => {
    const [sum = 0, n = 0] = sums[key]
    const value = n ? sum / n : null
    return { key, label, value, text: write.percent(value), note: t('fleet.mean', { n: count(n) }), color }
  }
  const [sum = 0, n = 0] = sums.net
  const net = n ? sum : null
  return [
    {
      key: 'up',
      label: t('fleet.reporting'),
      value: fresh,
      text: count(fresh),
      note: t('fleet.of', { n: count(watched) }),
      color: '--ok',
    },
    {
      key: 'alerts',
      label: t('fleet.openAlerts'),
      value: causes.length,
      text: count(causes.length),
      note: critical ? t('fleet.critical', { n: count(critical) }) : t('fleet.none'),
      color: '--map-crit',
    },
    level('cpu', t('fleet.cpu'), '--c1'),
    level('memory', t('fleet.memory'), '--c2'),
    {
      key: 'net',
      label: t('metric.network'),
      value: net,
      text: write.rate(net),
      note: t('fleet.sum', { n: count(n) }),
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
  weight: number
  incident?: Incident
}
const SHOWN = 7
const LISTED = 3
const SEVERITY: Record<Tone, number> = { crit: 4, off: 3, warn: 1.2, info: 0.5, ok: 0.1 }
/** Severity × impact × age: both grow slowly, so that an old small thing does not pass a fresh large one. */
export const weigh = (tone: Tone, hit: number, seconds: number): number =>
  SEVERITY[tone] * (1 + Math.log2(Math.max(1, hit)) / 4) * (1 + Math.log10(1 + Math.max(0, seconds) / 60) / 6)

/** Servers that say nothing and that no open incident calls silent: each its own line, many in one. */
function silences({ servers, incidents }: State, reach: 'down' | 'late', at: number): Need[] {
  const called = calledSilent(incidents)
  const quiet = servers.filter((server) => server.reach === reach && !called.has(server.id))
  const tone = reach === 'down' ? 'off' : 'warn'
  const stem = reach === 'down' ? 'fleet.silent' : 'fleet.late'
  const old = (list: Server[]) => Math.max(0, ...list.map((one) => at - (one.seen ?? at)))
  const need = (key: string, list: Server[], detail: string, url: string): Need => ({
    key,
    tone,
    title: tn(stem, list.length, { name: list[0]?.name ?? '' }),
    detail,
    url,
    weight: weigh(tone, list.length, old(list)),
  })
  if (quiet.length <= LISTED)
    return quiet.map((one) => {
      const detail = one.seen === null ? '' : t('fleet.lastReport', { age: ago(at - one.seen) })
      return need(`${reach} ${one.id}`, [one], detail, one.url)
    })
  const age = (one: Server) => (one.seen === null ? t('age.never') : duration(at - one.seen))
  const named = quiet.slice(0, LISTED).map((one) => `${one.name} ${age(one)}`)
  return [need(reach, quiet, `${named.join(', ')} …`, '?show=bad')]
}
const LATER = 0.05 // somebody is on it: after everything that waits
export function needs(state: State, at: number): Need[] {
  const list: Need[] = roots(state.incidents).map((incident) => {
    const tone = incident.severity === 'critical' ? 'crit' : 'warn'
    const age = at - beganAt(incident)
    const taken = incident.state === 'acknowledged' ? LATER : 1
    return {
      key: incident.id,
      tone,
      title: incident.title,
      detail: [
        (incident.open ?? 1) > 1 || incident.title.includes(incident.server?.name ?? '') ? '' : incident.server?.name,
        t('incident.since', { age: duration(age) }),
        incident.state === 'acknowledged' ? incidentWord(incident) : '',
      ]
        .filter(Boolean)
        .join(' · '),
      url: incident.url,
      weight: weigh(tone, incident.open ?? 1, age) * taken,
      incident,
    }
  })
  list.push(...silences(state, 'down', at), ...silences(state, 'late', at))
  return list.sort((a, b) => b.weight - a.weight)
}
export const shown = (list: Need[]): Need[] => list.slice(0, SHOWN)
export const waiting = (list: Need[]): number => list.filter((need) => need.incident?.state !== 'acknowledged').length

/** The first line of the page: a sentence that answers "are we fine?". */
export function sentence(state: State, at: number, list = needs(state, at)): { head: string; lede: string } {
  const { servers } = state
  const n = servers.length
  const only = n === 1 ? servers[0] : undefined
  const todo = waiting(list)
  let healthy = 0
  for (const server of servers) if (toneOf(server) === 'ok') healthy++
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
const BUSY = 90
/** What is nearly used up though no rule's time is over yet: "CPU 100 %". */
function busyWith(server: Server, at: number): string {
  if (!isFresh(server, at)) return ''
  const high = (['cpu', 'memory'] as const).filter((key) => (server[key] ?? 0) >= BUSY)
  return high.map((key) => `${t(`metric.${key}`)} ${percent(server[key])}`).join(', ')
}
function oneServer(server: Server, todo: number, open: number, at: number): { head: string; lede: string } {
  const age = server.seen === null ? t('age.never') : ago(at - server.seen)
  const last = t('fleet.lastReport', { age })
  const good = face(server).tone === 'ok' && !todo
  const busy = good ? busyWith(server, at) : ''
  if (busy)
    return { head: t('fleet.oneBusy', { name: server.name, what: busy }), lede: `${t('fleet.busyLede')} ${last}` }
  const head = t(good ? 'fleet.oneWell' : 'fleet.oneNeeds', { name: server.name })
  return { head, lede: open || !good ? last : `${t('fleet.noAlerts')} ${last}` }
}
export const GROUPS = ['tag', 'role', 'os', 'site', 'team'] as const
export type Group = (typeof GROUPS)[number]
/** The group of each server; with several tags it stands in each, so that a group is what `tag:…` hits. */
const GROUPED: Record<Group, (server: Server) => string | string[]> = {
  tag: (server) => (server.tags.length ? server.tags : t('fleet.untagged')),
  role: (server) => server.role || t('fleet.noRole'),
  os: (server) => server.os || t('fleet.unknownOs'),
  site: (server) => server.site || t('fleet.noSite'),
  team: (server) => server.team,
}
/** The ways that part this fleet at all: by team only where there are several. */
export const groupsOf = (servers: Server[]): Group[] =>
  GROUPS.filter((by) => {
    if (by === 'os' || (by === 'tag' && servers.some((server) => server.tags.length))) return true
    return by !== 'tag' && new Set(servers.map(GROUPED[by])).size > 1
  })
export function grouped(servers: Server[], by: Group): Array<[string, Server[]]> {
  const groups = new Map<string, Server[]>()
  for (const server of servers) {
    for (const name of new Set([GROUPED[by](server)].flat())) {
      const list = groups.get(name)
      if (list) list.push(server)
      else groups.set(name, [server])
    }
  }
  return [...groups].sort((a, b) => b[1].length - a[1].length)
}
