// Numbers, ages and times as people read them. A value that is not there is said, never drawn as zero.
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
export const ago = (seconds: number): string => (seconds < 2 ? t('age.now') : t('age.ago', { age: duration(seconds) }))

export const percent = (v: number | null): string =>
  v === null || Number.isNaN(v) ? t('value.none') : `${v > 0 && v < 10 ? v.toFixed(1) : v.toFixed(0)}%`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
export function bytes(v: number): string {
  let n = Math.abs(v)
  let i = 0
  while (n >= 999.5 && i < UNITS.length - 1) {
    n /= 1000
    i++
  }
  const text = n >= 100 || i === 0 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)
  return `${v < 0 ? '−' : ''}${text} ${UNITS[i]}`
}
export const rate = (v: number | null): string => (v === null || Number.isNaN(v) ? t('value.none') : `${bytes(v)}/s`)
export const plain = (v: number | null): string =>
  v === null || Number.isNaN(v) ? t('value.none') : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2)

/** The way to write the values of a metric, by the unit in its name. */
export function unitOf(metric: string): (v: number | null) => string {
  if (metric.endsWith('_percent')) return percent
  if (metric.endsWith('_bytes_per_second')) return rate
  if (metric.endsWith('_bytes')) return (v) => (v === null || Number.isNaN(v) ? t('value.none') : bytes(v))
  if (metric.endsWith('_celsius')) return (v) => (v === null || Number.isNaN(v) ? t('value.none') : `${plain(v)} °C`)
  if (metric.endsWith('_seconds'))
    return (v) =>
      v === null || Number.isNaN(v) ? t('value.none') : v < 1 ? `${(v * 1000).toFixed(0)} ms` : duration(v)
  return plain
}
const lang = () => document.documentElement.lang || undefined
export const clockTime = (at: number): string =>
  new Date(at * 1000).toLocaleTimeString(lang(), { hour: '2-digit', minute: '2-digit', hour12: false })
/** "Mon, 23 Nov, 09:00": what comes in days needs no seconds. By the reader's clock, or by that of a zone. */
export const dayHour = (at: number, zone?: string): string =>
  new Date(at * 1000).toLocaleString(lang(), {
    weekday: 'short',
    timeZone: zone,
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  })
export const dayTime = (at: number): string =>
  new Date(at * 1000).toLocaleString(lang(), {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  })
