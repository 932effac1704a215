// When a silence holds: once, or again and again, as people say it and as RFC 5545 writes it.
export const DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const
export type Every = 'day' | 'week' | 'month' | 'nth'

export interface Recurring {
  every: Every
  days: number[] // of a week, 0 is Monday
  date: number // of a month
  nth: number // 1 to 4, or -1: the last
  day: number // the weekday of "nth"
}
export const usual: Recurring = { every: 'week', days: [6], date: 1, nth: 1, day: 6 }

export function toRule({ every, days, date, nth, day }: Recurring): string {
  if (every === 'day') return 'FREQ=DAILY'
  if (every === 'week') return `FREQ=WEEKLY;BYDAY=${days.map((one) => DAYS[one]).join(',')}`
  if (every === 'month') return `FREQ=MONTHLY;BYMONTHDAY=${date}`
  return `FREQ=MONTHLY;BYDAY=${nth}${DAYS[day]}`
}
const partsOf = (rrule: string): Record<string, string> => {
  const text = rrule
    .trim()
    .toUpperCase()
    .replace(/^RRULE:/, '')
  return Object.fromEntries(
    text
      .split(';')
      .filter(Boolean)
      .map((part) => part.split('=') as [string, string]),
  )
}
/** The time of day at which it begins: the rule's own, else that of its start; empty where there are several. */
export function timeOf(rrule: string, starts: string): string {
  const { BYHOUR = starts.slice(11, 13), BYMINUTE = starts.slice(14, 16) } = partsOf(rrule)
  const two = [BYHOUR, BYMINUTE]
  return two.every((one) => /^\d{1,2}$/.test(one)) ? two.map((one) => one.padStart(2, '0')).join(':') : ''
}
/** What can be said in words of a rule; null for one that is more. Without days it is the weekday of its start. */
export function fromRule(rrule: string, starts = ''): Recurring | null {
  const { FREQ, BYDAY, BYMONTHDAY, BYHOUR, BYMINUTE, WKST, INTERVAL = '1', ...rest } = partsOf(rrule)
  if (Object.keys(rest).length || INTERVAL !== '1') return null
  if (FREQ === 'WEEKLY' && !BYDAY && !BYMONTHDAY && starts)
    return { ...usual, days: [(new Date(`${starts.slice(0, 10)}T00:00:00Z`).getUTCDay() + 6) % 7] }
  if (BYMONTHDAY && !/^([1-9]|[12]\d|3[01])$/.test(BYMONTHDAY)) return null
  if (FREQ === 'DAILY' && !BYDAY && !BYMONTHDAY) return { ...usual, every: 'day' }
  if (FREQ === 'MONTHLY' && BYMONTHDAY && !BYDAY) return { ...usual, every: 'month', date: Number(BYMONTHDAY) }
  const nth = /^\+?(-1|[1-4])(\w\w)$/.exec(BYDAY ?? '')
  const day = DAYS.indexOf((nth?.[2] ?? '') as 'MO')
  if (FREQ === 'MONTHLY' && nth && !BYMONTHDAY && day >= 0) return { ...usual, every: 'nth', nth: Number(nth[1]), day }
  const days = (BYDAY ?? '').split(',').map((one) => DAYS.indexOf(one as 'MO'))
  if (FREQ === 'WEEKLY' && !BYMONTHDAY && days.every((one) => one >= 0)) return { ...usual, days }
  return null
}
/** The first date on or after one on which it holds, so that its start is one of its times. */
export function firstDate(local: string, how: Recurring): string {
  const [date = '', time = '00:00'] = local.split('T')
  const from = new Date(`${date}T00:00:00Z`)
  if (Number.isNaN(from.getTime())) return local
  for (let n = 0; n < 400; n++) {
    const at = new Date(from.getTime() + n * 86400_000)
    if (holds(at, how)) return `${at.toISOString().slice(0, 10)}T${time}`
  }
  return local
}
function holds(at: Date, { every, days, date, nth, day }: Recurring): boolean {
  const weekday = (at.getUTCDay() + 6) % 7
  if (every === 'day') return true
  if (every === 'week') return days.includes(weekday)
  if (every === 'month') return at.getUTCDate() === date
  if (weekday !== day) return false
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate()
  return nth < 0 ? at.getUTCDate() > last - 7 : Math.ceil(at.getUTCDate() / 7) === nth
}
