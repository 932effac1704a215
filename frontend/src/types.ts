// The shapes that pages and the live topics carry. Times are unix seconds of the hub's clock.
export type Reach = 'new' | 'up' | 'late' | 'down' | 'paused'
export type Health = 'ok' | 'warn' | 'critical'

export interface Server {
  id: string
  name: string
  tags: string[]
  os: string
  team: string
  reach: Reach
  health: Health
  seen: number | null // when its last report was received
  interval: number
  cpu: number | null
  memory: number | null
  disk: number | null // its fullest mount
  net: number | null // bytes per second, both ways
  load: number | null
  demo?: boolean // simulated
  role?: string
  site?: string
  environment?: string
  waiting?: boolean // the hub was away: its reach is the one before
  url: string
}
/** What an incident is about: a machine, or a check that stands alone. */
export interface Broken {
  id: string
  name: string
  url: string
  check?: boolean
}
export interface Incident {
  id: string
  title: string
  severity: 'warn' | 'critical'
  state: 'open' | 'acknowledged' | 'resolved'
  since: number
  until: number | null
  owner: string | null
  owner_id?: string | null
  team?: string
  taken?: { at: number; how: string; until: number | null; reason: string; over: string } | null
  members?: number // alerts it holds, and how many of them are still open
  open?: number
  next?: { at: number; kind: string } | null // what its chain does next
  silent?: string[] // servers that it calls silent now
  heard?: number // of a silence: when its server spoke last
  held?: string // the trouble that explains it, and keeps it quiet
  parent?: string | null // the incident of that trouble
  hushed?: { why: string; until: number | null } | null // why nobody is told of it now
  began?: number // from when messages count how long it lasted
  server: Broken | null
  rule: string
  metric: string
  labels: Record<string, string>
  what?: string // the metric and its labels in words
  per?: string // cores: the value is shared out before it is judged
  value: number | null
  newest?: number | null // what was measured last, while that is true
  limit: number | null
  url: string
}
export interface Delivered {
  channel: string
  kind: string
  to: string
  state: 'waiting' | 'sent' | 'dead' | 'dropped'
  attempts: number
  due: number
  sent: number | null
  answer: string
  error: string
  instead: string
}
export interface TimelineEntry {
  at: number
  text: string
  kind: string
  by?: string
  held?: string
  state?: 'told' | 'held' | 'not told' | 'waiting'
  told?: number | null
  tells?: Array<{ at: number; text: string; kind: string }>
  more?: number
  deliveries?: Delivered[]
  // of a step of a chain
  step?: string
  args?: Record<string, string | number | boolean>
  chain?: string
  place?: number
  due?: number
  done?: number | null
}
export interface Member {
  id: string
  server: Broken
  rule: string
  what: string
  metric: string
  labels: Record<string, string>
  per?: string
  state: string
  severity: 'warn' | 'critical'
  value: number
  heard?: number // of a silence: when its server spoke last
  limit: number
  since: number
  until: number | null
}
export interface Kin {
  title: string
  url: string
  severity: 'warn' | 'critical'
  state: string
}
export type Seqs = Record<string, number>
export interface Props {
  now: number
  seq: Seqs
}
export interface FleetProps extends Props {
  fleet: Packed
  acts?: string[] // teams in which this person may acknowledge
  manages?: string[] // ... change servers
  reports?: string[] // ... keep views for all
  incidents: Incident[]
  ahead?: { text: string; tone: 'warn' | 'crit'; url: string } | null // what runs out next, for plain words
}
/** Servers as rows (dashboards/fleet/packed.py): words are said once, rows point at them. */
export interface Packed {
  base: number
  os: string[]
  team: string[]
  role: string[]
  site: string[]
  environment: string[]
  tags: string[][]
  rows: Array<Array<string | number | null>>
}
export interface ServerProps extends Props {
  server: Server
  facts: Record<string, Record<string, string | number | boolean | null>>
  incidents: Incident[]
  may_manage: boolean
}
export interface AlertsProps extends Props {
  incidents: Incident[]
  me?: string
  told?: string[] // open ones of which this person was told by name
  acts?: string[] // teams in which this person may acknowledge
  teams?: string[] // teams this person belongs to
}
export interface Cause {
  at: number
  server: string
  url: string
  what: string
  before: string | null
  after: string | null
  text: string
}
export interface Past {
  id: string
  title: string
  url: string
  severity: 'warn' | 'critical'
  since: number
  until: number
  owner: string
  closed: string // who closed it by hand
  note: string
  note_by: string
}
export interface IncidentProps extends Props {
  me?: string
  reach: { servers: number; names: string[]; more: number; checks?: boolean }
  people: Array<{ name: string; part: 'owner' | 'acted' | 'told' }>
  causes: Cause[]
  similar: { month: number; list: Past[] }
  by_rule: { name: string; url: string; sentence: string; runbook: string } | null
  incident: Incident
  timeline: TimelineEntry[]
  members: Member[]
  /** What is said next by itself; while nobody has it also to whom, and why nobody else is called. */
  coming: {
    at: number | null
    news: boolean
    to?: string[]
    rest?: '' | 'noChain' | 'chainOver' | 'nobody' | 'simulated'
  }
  acts: string[]
  parent: Kin | null
  children: Kin[]
}
export interface Message {
  topic: string
  seq: number
  at: number
  data: Record<string, unknown>
}
export interface SeriesAnswer {
  t: number[]
  step: number
  series: Array<{
    metric: string
    labels: Record<string, string>
    v: Array<number | null>
    min?: Array<number | null>
    max?: Array<number | null>
  }>
}
