// Which incidents stand in which tab, and which stand under another that explains them.
import type { Incident } from '../../types'
import { byWeight } from '../page'

export const TABS = ['mine', 'team', 'all', 'snoozed', 'resolved'] as const
export type Tab = (typeof TABS)[number]
export interface Cause {
  incident: Incident
  under: Incident[] // what it explains
}
export interface Reader {
  me?: string
  told: ReadonlySet<string>
  teams: readonly string[]
}
/** Put off until a time, silenced, or explained by a greater trouble: nobody is called for it now. */
export const snoozed = (one: Incident): boolean =>
  one.state !== 'resolved' &&
  (Boolean(one.hushed) || Boolean(one.held) || (one.state === 'acknowledged' && one.taken?.how === 'until'))

/** Mine is what I took, and what I was told of by name while nobody has it. */
export function tabsOf(incident: Incident, { me, told, teams }: Reader): Tab[] {
  if (incident.state === 'resolved') return ['resolved']
  const found: Tab[] = ['all']
  const mine = incident.state === 'acknowledged' ? incident.owner_id === me : told.has(incident.id)
  if (mine) found.push('mine')
  if (snoozed(incident)) found.push('snoozed')
  else if (teams.includes(incident.team ?? '')) found.push('team')
  return found
}
export const matches = (incident: Incident, query: string): boolean =>
  `${incident.title} ${incident.server?.name ?? ''} ${incident.rule} ${incident.owner ?? ''}`
    .replaceAll('\u00a0', ' ')
    .toLowerCase()
    .includes(query.trim().toLowerCase())

const newest = (a: Incident, b: Incident) => (b.until ?? 0) - (a.until ?? 0)

/** One line a cause: what is explained by another that is open stands under it, wherever that stands. */
export function causes(incidents: Incident[], reader: Reader): Record<Tab, Cause[]> {
  const open = new Map(incidents.filter((one) => one.state !== 'resolved').map((one) => [one.id, one]))
  const under = new Map<string, Incident[]>()
  const roots: Incident[] = []
  for (const one of incidents) {
    const parent = one.state === 'resolved' ? undefined : open.get(one.parent ?? '')
    if (parent && parent !== one) under.set(parent.id, [...(under.get(parent.id) ?? []), one])
    else roots.push(one)
  }
  const found: Record<Tab, Cause[]> = { mine: [], team: [], all: [], snoozed: [], resolved: [] }
  for (const incident of roots.sort(byWeight)) {
    const cause = { incident, under: (under.get(incident.id) ?? []).sort(byWeight) }
    for (const tab of tabsOf(incident, reader)) found[tab].push(cause)
  }
  found.resolved.sort((a, b) => newest(a.incident, b.incident))
  return found
}
