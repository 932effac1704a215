// Numbers, ages and times as people read them. A value that is not there is said, never drawn as zero.
import { locale, person } from './person'
import { t } from './words'

/** "12 s", "4 min", "2 h 14 min", "3 d 2 h": two units at most. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s} s`
  const m = Math.floor(s / 60)
  if (m < 60) return `${m} min`
  const h = Math.floor(m / 60)
  if (h < 24) return m % 60 ? `${h} h ${m % 60} min` : `${h} h`
  const d = Math.floor(h / 24)
  return h % 24 ? `${d} d ${h % 24} h` : `${d} d`
}
/** A time that is over, told as messages tell it: "45 s", "4 min 10 s", "12 min", "2 d 3 h". */
export function lasted(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const m = Math.floor(s / 60)
  return s % 60 && s > 60 && s < 600 ? `${m} min ${s % 60} s` : duration(s)
}
/** "3:20", "1:02:05": what is left, counted down. */
export function countdown(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`
}
export const ago = (seconds: number): string => (seconds < 2 ? t('age.now') : t('age.ago', { age: duration(seconds) }))

const writers = new Map<number, Intl.NumberFormat>()
/** A number with so many decimals, in the marks of the reader's language. */
export function fixed(v: number, digits: number): string {
  let writer = writers.get(digits)
  if (!writer) {
    writer = new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })
    writers.set(digits, writer)
  }
  return writer.format(v)
}
/** "91.5 %", "90 %", "0.04 %": one decimal at most, as the hub's own sentences write it (metrics/words.py `shown`). */
export function percent(v: number | null): string {
  if (v === null || Number.isNaN(v)) return t('value.none')
  const digits = v && Math.abs(v) < 0.1 ? 2 : 1
  return `${fixed(v, Number.isInteger(Number(v.toFixed(digits))) ? 0 : digits)}\u00a0%`
}
/** The same where several stand side by side: each with its decimal. */
export const share = (v: number | null): string =>
  v === null || Number.isNaN(v) ? t('value.none') : `${fixed(v, v && Math.abs(v) < 0.1 ? 2 : 1)}\u00a0%`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
export function bytes(v: number): string {
  let n = Math.abs(v)
  let i = 0
  while (n >= 999.5 && i < UNITS.length - 1) {
    n /= 1000
    i++
  }
  const text = fixed(n, n >= 100 || i === 0 ? 0 : n >= 10 ? 1 : 2)
  return `${v < 0 ? '−' : ''}${text}\u00a0${UNITS[i]}`
}
export const rate = (v: number | null): string => (v === null || Number.isNaN(v) ? t('value.none') : `${bytes(v)}/s`)
export const plain = (v: number | null): string =>
  v === null || Number.isNaN(v) ? t('value.none') : fixed(v, v >= 100 ? 0 : v >= 10 ? 1 : 2)

/** The way to write the values of a metric, by the unit in its name. */
export function unitOf(metric: string): (v: number | null) => string {
  if (metric.endsWith('_percent')) return percent
  if (metric === 'check_up')
    return (v) => t(v === null || Number.isNaN(v) ? 'value.none' : v < 0.5 ? 'value.down' : 'value.up')
  if (metric.endsWith('_bytes_per_second')) return rate
  if (metric.endsWith('_bytes')) return (v) => (v === null || Number.isNaN(v) ? t('value.none') : bytes(v))
  if (metric.endsWith('_celsius'))
    return (v) => (v === null || Number.isNaN(v) ? t('value.none') : `${plain(v)}\u00a0°C`)
  if (metric.endsWith('_seconds'))
    return (v) =>
      v === null || Number.isNaN(v) ? t('value.none') : v < 1 ? `${fixed(v * 1000, 0)}\u00a0ms` : duration(v)
  return plain
}
const local = (at: number, options: Intl.DateTimeFormatOptions, zone = person.zone): string =>
  new Date(at * 1000).toLocaleString(locale(), { hourCycle: 'h23', timeZone: zone, ...options })
/** The person's zone, else the browser's; charts and forms tell their times by it, too. */
export const zoneName = (): string => person.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
export const clockTime = (at: number): string => local(at, { hour: '2-digit', minute: '2-digit' })
/** "Mon, 23 Nov, 09:00": what comes in days needs no seconds. By the reader's clock, or by that of a zone. */
export const dayHour = (at: number, zone?: string): string =>
  local(
    at,
    { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
    zone ?? person.zone,
  )
export const dayTime = (at: number): string =>
  local(at, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' })
/** "23 Nov, 09:00", where many stand together. */
export const shortly = (at: number): string =>
  local(at, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
/** With its year and its zone, for what may be read long after. */
export const whole = (at: number): string => `${local(at, { dateStyle: 'medium', timeStyle: 'short' })} ${zoneName()}`
