// What every page that counts or ages incidents agrees on.
import { duration, lasted, unitOf } from './format'
import type { Incident, Member } from './types'

/** From when every page counts how long it lasts: as messages do. */
export const beganAt = (one: Incident): number => one.began ?? one.since

/** Open incidents that no other open one explains: what the number beside "Alerts", the fleet and the inbox count. */
export function roots<I extends Pick<Incident, 'id' | 'state' | 'parent'>>(incidents: Iterable<I>): I[] {
  const open = [...incidents].filter((one) => one.state !== 'resolved')
  const ids = new Set(open.map((one) => one.id))
  return open.filter(({ id, parent }) => !parent || parent === id || !ids.has(parent))
}

/** Servers whose silence is an open incident already: it is told there, and counted once. */
export const calledSilent = (incidents: Iterable<Incident>): ReadonlySet<string> =>
  new Set([...incidents].flatMap((one) => (one.state === 'resolved' ? [] : (one.silent ?? []))))

type Valued = Pick<Member, 'metric' | 'since' | 'until' | 'heard'> & { value: number | null }
/** A silence grows while one looks; any other value is of when it was raised, got worse or better, or was over. */
export const isLive = (one: Pick<Valued, 'metric'>): boolean => one.metric === 'silent_seconds'

/** What was measured, as its unit is written; of a silence how long it lasts by now. */
export function valueText(one: Valued, at: number): string {
  if (!isLive(one)) return unitOf(one.metric)(one.value)
  return one.until === null ? duration(at - (one.heard ?? one.since)) : lasted(one.until - (one.heard ?? one.since))
}
