// What the page of one server gets from the hub beside its numbers.
import type { Mark } from '../../charts/engine'
import type { ServerProps } from '../../types'

type Labels = Record<string, string>
export interface Around {
  limits: Array<{
    rule: string
    id: string
    metric: string
    sets: Labels[]
    op: string
    warn: number | null
    critical: number | null
    texts: string[]
  }>
  alerts: Array<{
    metric: string
    labels: Labels
    rule: string
    severity: string
    start: number
    end: number | null
    url: string
  }>
  marks: Mark[]
  unusual: Array<[number, number]>
  usual: { t: number[]; series: Array<{ metric: string; labels: Labels; low: number[]; high: number[] }> }
}
export interface Trouble {
  rule: string
  what: string
  metric: string
  severity: 'warn' | 'critical'
  since: number
  value: string
  limit: string
  side: string
  kind: string
  todo: string
  incident: string
  title: string
}
export interface Hush {
  id: string
  reason: string
  until: number
  owner: string
  rule: string
}
export interface PageProps extends ServerProps {
  may_act: boolean
  away?: string // that we were away, until it reports again
  old?: string // that its agent is
  outlook?: string[] // what runs out or may fail soon
  story: { troubles: Trouble[]; silences: Hush[] }
  others: Array<{ id: string; name: string }>
  /** By mount, the days until a disk is full as far as they are forecast. */
  full?: Record<string, number>
}
export interface Section {
  id: string
  title: string
  series: number
  charts: Array<{
    metric: string
    title: string
    meaning: string
    count: number
    sets: Array<{ labels: Labels; name: string }>
  }>
}
export interface MovedAnswer {
  from: number
  to: number
  baseline: number
  looked: number
  moved: number
  sentence: string
  t: number[]
  /** of many servers: what moved alike on several */
  groups?: Array<{ metric: string; title: string; kind: string; count: number }>
  series: Array<{
    server?: { id: string; name: string; url: string }
    metric: string
    labels: Labels
    title: string
    kind: string
    score: number
    text: string
    v: Array<number | null>
  }>
  changes: Mark[]
}
