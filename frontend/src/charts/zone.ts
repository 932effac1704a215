// The reader's zone for charts: how far its wall clock is from that of this browser.
import { person } from '../person'

const parts = (zone: string) =>
  new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
let known: [string, Intl.DateTimeFormat] | undefined

/** Milliseconds to add to a moment so that this browser writes it as the zone's clocks do. */
export function offset(ms: number, zone: string | undefined = person.zone): number {
  if (!zone) return 0
  if (known?.[0] !== zone) known = [zone, parts(zone)]
  const found = Object.fromEntries(known[1].formatToParts(ms).map(({ type, value }) => [type, Number(value)]))
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found
  return new Date(year, month - 1, day, hour, minute, second).getTime() - Math.floor(ms / 1000) * 1000
}
/** "2026-11-21T10:15" as the zone's clocks say it, for a form; and back. */
export function toWall(at: number): string {
  const shown = new Date(at * 1000 + offset(at * 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const date = `${shown.getFullYear()}-${two(shown.getMonth() + 1)}-${two(shown.getDate())}`
  return `${date}T${two(shown.getHours())}:${two(shown.getMinutes())}`
}
export function fromWall(text: string): number {
  const ms = new Date(text).getTime()
  // twice, as the offset is that of the moment that is looked for
  return (ms - offset(ms - offset(ms))) / 1000
}
