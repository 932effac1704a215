// Servers as the hub packs them (dashboards/fleet/packed.py): a page of all, and what changed in a second.
import type { Health, Packed, Reach, Server } from '../../types'

const REACHES: Reach[] = ['new', 'up', 'late', 'down', 'paused']
const HEALTHS: Health[] = ['ok', 'warn', 'critical']
type Value = string | number | null
type Numbers = Pick<Server, 'seen' | 'cpu' | 'memory' | 'disk' | 'net' | 'load' | 'reach' | 'health'>

/** What a fleet message carries: rows of what reported, whole servers where they are new or renamed, ids that are gone. */
export interface Delta {
  base?: number
  rows?: Value[][]
  servers?: Server[]
  removed?: string[]
}
export const keyOf = (id: string): string => id.slice(-12)

/** State, age and the headline, which stand at the end of every row. */
export function numbers(row: Value[], from: number, base: number): Numbers {
  const state = row[from] as number
  const age = row[from + 1] as number | null
  return {
    reach: REACHES[Math.floor(state / HEALTHS.length)] ?? 'new',
    health: HEALTHS[state % HEALTHS.length] ?? 'ok',
    seen: age === null ? null : base + age,
    cpu: row[from + 2] as number | null,
    memory: row[from + 3] as number | null,
    disk: row[from + 4] as number | null,
    net: row[from + 5] as number | null,
    load: row[from + 6] as number | null,
  }
}
export function unpack(packed: Packed): Server[] {
  return packed.rows.map((row) => {
    const [id, name, os, team, role, site, environment, tags, flags, interval] = row as [
      string,
      string,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return {
      id,
      name,
      os: packed.os[os] ?? '',
      team: packed.team[team] ?? '',
      role: packed.role[role] ?? '',
      site: packed.site[site] ?? '',
      environment: packed.environment[environment] ?? '',
      tags: packed.tags[tags] ?? [],
      demo: (flags & 1) > 0,
      waiting: (flags & 2) > 0,
      interval,
      url: `/servers/${id}/`,
      ...numbers(row, 10, packed.base),
    }
  })
}
