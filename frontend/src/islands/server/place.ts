// What the address of a server's page says: the time, what it is compared with, the chart in question.
import type { Range } from '../../charts/engine'

export const SPANS = [
  ['15m', 900],
  ['1h', 3600],
  ['6h', 21600],
  ['24h', 86400],
  ['7d', 604800],
  ['30d', 2592000],
  ['90d', 7776000],
] as const
export const DEFAULT = 3600
export const DAY = 86400
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export interface Place {
  span: number | null // so much time up to now
  fixed: Range | null // a time that stands still
  compare: string // day, week, server:<uuid>, or nothing
  chart: string
  odd: boolean // the address asked for what there is not
}
export function read(search: string): Place {
  const asked = new URLSearchParams(search)
  const name = asked.get('range')
  const span = SPANS.find(([one]) => one === name)?.[1] ?? null
  const [from, to] = [Number(asked.get('from')), Number(asked.get('to'))]
  const whole = asked.has('from') || asked.has('to')
  const fits = whole && from > 0 && to > from && to < 4.1e9
  const compare = asked.get('compare') ?? ''
  const known = /^(day|week|)$/.test(compare) || (compare.startsWith('server:') && UUID.test(compare.slice(7)))
  return {
    span: fits ? null : span,
    fixed: fits ? [from, to] : null,
    compare: known ? compare : '',
    chart: asked.get('chart') ?? '',
    odd: (name !== null && span === null) || (whole && !fits) || !known,
  }
}
export function write({ span, fixed, compare, chart }: Omit<Place, 'odd'>): string {
  const asked = new URLSearchParams()
  if (fixed) {
    asked.set('from', String(Math.floor(fixed[0])))
    asked.set('to', String(Math.ceil(fixed[1])))
  } else if (span !== null) asked.set('range', SPANS.find(([, seconds]) => seconds === span)?.[0] ?? '1h')
  if (compare) asked.set('compare', compare)
  if (chart) asked.set('chart', chart)
  const text = asked.toString().replaceAll('%3A', ':')
  return text ? `?${text}` : ''
}
/** How many seconds back the other time lies. */
export const shiftOf = (compare: string): number => (compare === 'day' ? DAY : compare === 'week' ? 7 * DAY : 0)
