// What every page that counts or ages incidents agrees on.
import type { Incident } from './types'

/** From when every page counts how long it lasts: as messages do. */
export const beganAt = (one: Incident): number => one.began ?? one.since

/** Open incidents that no other open one explains: what the number beside "Alerts", the fleet and the inbox count. */
export function roots<I extends Pick<Incident, 'id' | 'state' | 'parent'>>(incidents: Iterable<I>): I[] {
  const open = [...incidents].filter((one) => one.state !== 'resolved')
  const ids = new Set(open.map((one) => one.id))
  return open.filter(({ id, parent }) => !parent || parent === id || !ids.has(parent))
}
