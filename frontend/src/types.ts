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
  url: string
}
export interface Incident {
  id: string
  title: string
  severity: 'warn' | 'critical'
  state: 'open' | 'acknowledged' | 'resolved'
  since: number
  until: number | null
  owner: string | null
  server: { id: string; name: string; url: string } | null
  rule: string
  metric: string
  labels: Record<string, string>
  value: number | null
  limit: number | null
  url: string
}
export interface TimelineEntry {
  at: number
  text: string
  kind: string
}
export type Seqs = Record<string, number>
export type Words = Record<string, string>
export interface Props {
  now: number
  seq: Seqs
  words?: Words
}
export interface FleetProps extends Props {
  servers: Server[]
  incidents: Incident[]
}
export interface ServerProps extends Props {
  server: Server
  facts: Record<string, Record<string, string | number | boolean | null>>
  incidents: Incident[]
  may_manage: boolean
}
export interface AlertsProps extends Props {
  incidents: Incident[]
}
export interface IncidentProps extends Props {
  incident: Incident
  timeline: TimelineEntry[]
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
