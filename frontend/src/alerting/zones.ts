// Wall-clock times of a zone and what they are on the hub's clock: `Intl` knows the zones, nothing else is shipped.

const parts = (zone: string) =>
  new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })

/** "2026-11-21T02:30" as a clock in that zone shows it at that moment. */
export function wall(at: number, zone: string): string {
  const found = Object.fromEntries(
    parts(zone)
      .formatToParts(new Date(at * 1000))
      .map((part) => [part.type, part.value]),
  )
  return `${found.year}-${found.month}-${found.day}T${found.hour}:${found.minute}`
}
/** The moment at which clocks of that zone show it; a time that daylight saving leaves out is the one just after. */
export function moment(local: string, zone: string): number {
  const naive = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(local) ? Date.parse(`${local}:00Z`) / 1000 : Number.NaN
  if (Number.isNaN(naive)) return Number.NaN
  const offset = (at: number) => Date.parse(`${wall(at, zone)}:00Z`) / 1000 - Math.floor(at / 60) * 60
  const first = naive - offset(naive)
  const second = naive - offset(first)
  // both guesses hold on most days; where clocks jump, the earlier offset is the one that exists or comes just after
  return wall(second, zone) === local ? second : Math.max(first, second)
}
/** A zone that this browser knows: an unknown one would stop the page. */
export const safeZone = (zone: string): string => {
  try {
    wall(0, zone)
    return zone
  } catch {
    return 'UTC'
  }
}
export const iso = (at: number): string => new Date(at * 1000).toISOString()
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
