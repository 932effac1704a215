// Round times for an axis, and times as words: by the clocks of the reader's zone, in the reader's language.
import { locale } from '../person'
import { offset } from './zone'

const [MINUTE, HOUR, DAY] = [60, 3600, 86400]
const STEPS = [
  1, 5, 15, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY,
  7 * DAY, 30 * DAY, 91 * DAY, 365 * DAY,
] // biome-ignore format: a list
const MONDAY = 4 * DAY // of the first week of all
type Write = (wall: number) => string

function writer(options: Intl.DateTimeFormatOptions): Write {
  let made: Intl.DateTimeFormat | undefined
  return (wall) => {
    const lang = locale()
    made ??= new Intl.DateTimeFormat(lang, { timeZone: 'UTC', hourCycle: 'h23', ...options })
    return made.format(wall * 1000)
  }
}
const time = { hour: '2-digit', minute: '2-digit' } as const
const hm = writer(time)
const hms = writer({ ...time, second: '2-digit' })
const day = writer({ day: 'numeric', month: 'short' })
const dayHm = writer({ weekday: 'short', ...time })
const dayHms = writer({ weekday: 'short', ...time, second: '2-digit' })

/** How far the reader's clocks are from UTC at a moment, in seconds. */
function shift(at: number): number {
  const here = at * 1000 + offset(at * 1000)
  return here / 1000 - at - new Date(here).getTimezoneOffset() * MINUTE
}
/** "Sat 10:15:00": a moment as the reader's clocks say it. */
export const stamp = (at: number): string => dayHms(at + shift(at))

/** The step that comes nearest to so many seconds. */
function stepOf(wanted: number): number {
  const i = STEPS.findIndex((step) => step > wanted)
  const [below, above] = [STEPS[i - 1], STEPS[i]]
  if (above === undefined) return STEPS.at(-1) ?? DAY
  return below !== undefined && wanted / below < above / wanted ? below : above
}
/** Months and years are not of one length. */
function following(wall: number, step: number): number {
  if (step < 30 * DAY) return wall + step
  const date = new Date(wall * 1000)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + Math.round(step / (30 * DAY)), 1) / 1000
}
function first(wall: number, step: number): number {
  if (step < 30 * DAY) {
    const from = step === 7 * DAY ? MONDAY : 0
    return Math.ceil((wall - from) / step) * step + from
  }
  let at = Date.UTC(new Date(wall * 1000).getUTCFullYear(), 0, 1) / 1000
  while (at < wall) at = following(at, step)
  return at
}
/** Where the axis of time is labelled, on round times of the reader's zone: each by the clocks of its own moment. */
export function ticks([from, to]: [number, number], count: number): Array<[at: number, text: string]> {
  const step = stepOf((to - from) / count)
  const out: Array<[number, string]> = []
  const write = to - from > 2 * DAY ? day : step < MINUTE ? hms : to - from > DAY ? dayHm : hm
  const moved = shift((from + to) / 2)
  for (let wall = first(from + moved, step); wall <= to + moved; wall = following(wall, step))
    out.push([wall - shift(wall - moved), write(wall)])
  return out
}
