// The rows of the table: which servers, in which order.
import type { Server } from '../../types'
import type { Tone } from '../../ui/parts'
import { toneOf } from './model'

export const COLUMNS = [
  'status',
  'cpu',
  'memory',
  'disk',
  'net',
  'load',
  'spark',
  'seen',
  'role',
  'site',
  'os',
  'tags',
  'environment',
  'team',
] as const
export type Column = (typeof COLUMNS)[number]
export const USUAL: Column[] = ['status', 'cpu', 'memory', 'disk', 'spark', 'seen']
/** A column by which rows are sorted; a minus in front turns it. */
export type Sort = string
export type Test = (server: Server) => boolean

const RANK: Record<Tone, number> = { crit: 0, off: 1, warn: 2, info: 3, ok: 4 }
const collator = new Intl.Collator(undefined, { numeric: true })
let named: { servers: Server[] | null; places: Map<string, number> } = { servers: null, places: new Map() }

/** The place of each server by its name: compared once for a fleet, not in every sort. */
function byName(servers: Server[], shape: unknown): Map<string, number> {
  if (named.servers !== shape || named.places.size !== servers.length) {
    const sorted = [...servers].sort((a, b) => collator.compare(a.name, b.name))
    named = { servers: shape as Server[], places: new Map(sorted.map((server, at) => [server.id, at])) }
  }
  return named.places
}
/** Greater first for numbers, in order of the alphabet for words; what is not known stands last either way. */
function keyed(column: string): (server: Server) => number | string | null {
  if (column === 'tags') return (server) => server.tags.join(' ') || null
  if (column === 'seen') return (server) => server.seen
  if (column === 'status') return (server) => RANK[toneOf(server)]
  if (column === 'spark') return (server) => server.cpu
  return (server) => (server as unknown as Record<string, number | string | null>)[column] || null
}
const WORDS = new Set(['name', 'role', 'site', 'os', 'tags', 'environment', 'team'])

/** Words that must all be in a server's name, tags, system, role or site. */
export function plainTest(query: string): Test {
  const words = query.trim().toLowerCase().split(/\s+/).filter(Boolean)
  if (!words.length) return () => true
  return (server) => {
    const text = `${server.name} ${server.tags.join(' ')} ${server.os} ${server.role} ${server.site}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
}
/** Whether a text is meant in the language of selectors. */
export const isSelector = (query: string): boolean => /(^|[\s(])(name|tag|role|os|site|env|id):/i.test(query)

export function rows(
  servers: Server[],
  test: Test,
  show: 'all' | 'bad',
  sort: Sort = '',
  shape: unknown = servers,
): Server[] {
  const found: Server[] = []
  for (const server of servers) {
    if (show === 'bad' && toneOf(server) === 'ok') continue
    if (test(server)) found.push(server)
  }
  const names = byName(servers, shape)
  const turned = sort.startsWith('-')
  const column = sort.replace(/^-/, '')
  const place = (server: Server) => names.get(server.id) ?? 0
  if (column === 'name') return found.sort((a, b) => (place(a) - place(b)) * (turned ? -1 : 1))
  const key = keyed(column || 'status')
  const way = turned ? -1 : 1
  const judged = found.map((server) => ({ server, v: key(server), place: place(server) }))
  const words = WORDS.has(column)
  judged.sort((a, b) => {
    if (a.v === b.v) return a.place - b.place
    if (a.v === null || b.v === null) return a.v === null ? 1 : -1
    const order = words ? collator.compare(String(a.v), String(b.v)) : Number(a.v) - Number(b.v)
    return order * way || a.place - b.place
  })
  return judged.map(({ server }) => server)
}
