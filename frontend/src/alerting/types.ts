// What the pages on which alerts are set up get and send; the bodies are the API's.
import type { Props } from '../types'

export interface SetupProps extends Props {
  acts: string[] // teams in which this person may acknowledge and silence
  manages: string[] // teams in which this person may change rules, channels and chains
}
export interface Target {
  kind: 'channel' | 'chain' | 'person'
  id: string
  name: string
  team: string
}
export type Notify = Array<{ channel?: string; chain?: string; person?: string }>
export interface Rule {
  id?: string
  team: string
  name: string
  kind: string
  metric: string
  labels: Record<string, string>
  selector: string
  op: 'above' | 'below'
  warn: number | null
  warn_recover: number | null
  critical: number | null
  critical_recover: number | null
  for: number
  keep_firing_for: number
  params: Record<string, unknown>
  notify: Notify
  group_by: string[]
  group_wait: number | null
  group_interval: number | null
  repeat_intervals: number[]
  runbook: string
  enabled: boolean
}
export interface Metric {
  name: string
  title: string
  meaning: string
  unit: string
  op: 'above' | 'below'
  warn: number | null
  critical: number | null
  labels: string[]
}
export interface RuleProps extends SetupProps {
  rule: Rule | null
  fault: string
  metrics: Metric[]
  targets: Target[]
  rules: Array<{ id: string; name: string }>
  suggest: string[]
  start: { metric: string; selector: string }
  versions?: Version[]
  gate?: string // whether what is learnt may page somebody
  hushed?: Array<{ id: string; reason: string; ends: number | null }> // silences of this rule alone
}
export interface Span {
  server: string
  name: string
  labels: Record<string, string>
  severity: 'warn' | 'critical'
  start: number
  end: number | null
}
export interface Preview {
  fired: number
  night: number
  short: number
  days: number
  messages_per_week?: number
  servers: number
  checks?: number
  judged?: number
  note?: string
  warnings?: string[]
  suggested: { warn?: number; critical?: number; fired: number } | null
  chart: { server: string; name: string; metric: string; labels: Record<string, string> } | null
  spans: Span[]
}
export interface Channel {
  id: string
  team: string
  name: string
  kind: string
  enabled: boolean
  default: boolean
  language: string
  fallback: string | null
  storm_cap: number | null
  fault: string
  resting_until: number | null
  failures: number
  dead: number
  tried: boolean // a message was sent over it, or failed
  last_error: string // empty where the newest message went out
}
export interface KindField {
  name: string
  label: string
  help?: string
  secret?: boolean
  required?: boolean
  type?: string
  choices?: Array<string | [string, string]>
}
export interface ChannelKind {
  kind: string
  title: string
  fields: KindField[]
}
export interface Silence {
  id: string
  team: string
  selector: string
  rule: string
  starts: number
  ends: number | null
  rrule: string
  duration: number | null
  zone: string
  reason: string
  owner: string
  ended: number | null
  over: boolean
  on: boolean // it mutes now
  window: [number, number] | null // the one that is open, or the next
}
export interface Step {
  kind: string
  [arg: string]: unknown
}
export interface Chain {
  id: string
  team: string
  name: string
  default: boolean
  unacknowledge?: boolean
  steps: Step[]
  warnings?: string[] // whom it calls though they cannot answer
}
export interface Rotation {
  people: string[]
  days: number
  starts_on: string
  ends_on: string | null
  hand_over: string
  hours_from: string | null
  hours_until: string | null
  weekdays: number[]
}
export interface Schedule {
  id: string
  team: string
  name: string
  zone: string
  fallback: string | null
  rotations: Rotation[]
  overrides: Array<{ id: string; user: string; name: string; starts_at: number; ends_at: number }>
}
export interface Preference {
  language: string
  zone: string
  quiet_from: string | null
  quiet_until: string | null
  quiet_days: number[]
  critical_breaks_quiet: boolean
}
export interface Way {
  id?: string
  channel: string
  place: number
  severity: 'warn' | 'critical'
  after: number
  warnings?: string[]
}
export interface Version {
  at: number
  by: string
  over: string
  made: boolean
  changes: Array<{ field: string; before: string; after: string }>
  back: Partial<Rule>
}
