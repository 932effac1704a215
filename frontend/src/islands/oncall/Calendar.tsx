// Who is on call when, as a week or a month by the schedule's own clock; a press on a day takes it over.
import { useEffect, useMemo, useState } from 'react'
import { weekdays } from '../../alerting/form'
import type { Schedule } from '../../alerting/types'
import { iso, moment, safeZone, wall } from '../../alerting/zones'
import { clockTime, dayHour } from '../../format'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import { locale } from '../../person'
import { Segments } from '../../ui/parts'
import { t } from '../../words'

export interface Shift {
  user: string | null
  name: string
  start: number
  end: number
}
export type Span = 'week' | 'month'
const DAY_MS = 86_400_000
const SHOWN = 3
const COLOURS = ['--c1', '--c2', '--c3', '--c4']

const plain = (date: string) => Date.parse(`${date}T00:00:00Z`)
const text = (ms: number) => new Date(ms).toISOString().slice(0, 10)
export const plus = (date: string, days: number): string => text(plain(date) + days * DAY_MS)
/** The Monday on or before a day. */
const monday = (date: string) => plus(date, -((new Date(plain(date)).getUTCDay() + 6) % 7))

/** The days of a week, or of all weeks that a month touches; so many further on than today. */
export function daysOf(today: string, span: Span, offset: number): string[] {
  if (span === 'week') return Array.from({ length: 7 }, (_, i) => plus(monday(today), offset * 7 + i))
  const first = new Date(plain(`${today.slice(0, 7)}-01`))
  first.setUTCMonth(first.getUTCMonth() + offset)
  const next = new Date(first)
  next.setUTCMonth(first.getUTCMonth() + 1)
  const begin = monday(text(first.getTime()))
  const weeks = Math.ceil((next.getTime() - plain(begin)) / DAY_MS / 7)
  return Array.from({ length: weeks * 7 }, (_, i) => plus(begin, i))
}
/** The shifts that touch a day, by the schedule's clock. */
export function on(day: string, shifts: Shift[], zone: string): Shift[] {
  const begin = moment(`${day}T00:00`, zone)
  const end = moment(`${plus(day, 1)}T00:00`, zone)
  return shifts.filter((one) => one.start < end && one.end > begin)
}
const initials = (name: string) =>
  name
    .split(/[\s.@_-]+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((part) => part[0]?.toUpperCase())
    .join('')

function useShifts(schedule: Schedule, from: number, to: number): { shifts: Shift[] | null; failure: string } {
  const [state, setState] = useState<{ shifts: Shift[] | null; failure: string }>({ shifts: null, failure: '' })
  const key = JSON.stringify(schedule)
  useEffect(() => {
    void key // another plan is another question
    const stop = new AbortController()
    const query = new URLSearchParams({ from: iso(from) ?? '', to: iso(to) ?? '' })
    getJson<Shift[]>(`/api/v1/schedules/${schedule.id}/shifts?${query}`, stop.signal)
      .then((shifts) => setState({ shifts, failure: '' }))
      .catch((error: Error) => {
        if (!stop.signal.aborted) setState({ shifts: [], failure: error.message })
      })
    return () => stop.abort()
  }, [schedule.id, key, from, to])
  return state
}
export function Calendar({
  schedule,
  me,
  may,
  onPick,
}: {
  schedule: Schedule
  me: string
  may: boolean
  onPick: (from: string, until: string) => void
}) {
  const zone = safeZone(schedule.zone)
  const [span, setSpan] = useState<Span>('week')
  const [offset, setOffset] = useState(0)
  const today = wall(now(), zone).slice(0, 10)
  const days = useMemo(() => daysOf(today, span, offset), [today, span, offset])
  const first = days[0] ?? today
  const last = plus(days[days.length - 1] ?? today, 1)
  const { shifts, failure } = useShifts(schedule, moment(`${first}T00:00`, zone), moment(`${last}T00:00`, zone))
  const colour = (user: string) => {
    const people = [...new Set(schedule.rotations.flatMap((one) => one.people))]
    const place = people.indexOf(user)
    return `var(${COLOURS[(place < 0 ? people.length : place) % COLOURS.length]})`
  }
  const middle = days[Math.floor(days.length / 2)] ?? today
  const lang = locale()
  const named = (date: string, options: Intl.DateTimeFormatOptions) =>
    new Date(plain(date)).toLocaleDateString(lang, { timeZone: 'UTC', ...options })
  const title =
    span === 'month'
      ? named(middle, { month: 'long', year: 'numeric' })
      : `${named(first, { day: 'numeric', month: 'short' })} – ${named(days[6] ?? today, { day: 'numeric', month: 'short' })}`
  const label = (day: string, list: Shift[]) =>
    `${named(day, { weekday: 'long', day: 'numeric', month: 'long' })}: ${list
      .map((one) => `${one.name || t('oncall.nobody')} ${t('oncall.until', { time: dayHour(one.end, zone) })}`)
      .join(', ')}`
  const weeks = Array.from({ length: days.length / 7 }, (_, i) => days.slice(i * 7, i * 7 + 7))
  const cell = (day: string) => {
    const list = on(day, shifts ?? [], zone)
    const begins = moment(`${day}T00:00`, zone)
    const outside = span === 'month' && day.slice(0, 7) !== middle.slice(0, 7)
    const inner = (
      <>
        <span className="date num">{Number(day.slice(8))}</span>
        {list.slice(0, SHOWN).map((one) => (
          <span
            key={one.start}
            className={`turn${one.user === me ? ' mine' : ''}${one.user ? '' : ' gap'}`}
            style={one.user ? ({ '--who': colour(one.user) } as React.CSSProperties) : undefined}
          >
            <b>{initials(one.name) || '!'}</b>
            <span>
              {one.start > begins && <i className="num">{clockTimeIn(one.start, zone)} </i>}
              {one.name || t('oncall.nobody')}
            </span>
          </span>
        ))}
        {list.length > SHOWN && <span className="dim num">+{list.length - SHOWN}</span>}
      </>
    )
    return (
      <td key={day} className={`${day === today ? 'today' : ''}${outside ? ' outside' : ''}`}>
        {may ? (
          <button
            type="button"
            aria-label={label(day, list)}
            title={t('oncall.pick')}
            onClick={() => onPick(`${day}T09:00`, `${plus(day, 1)}T09:00`)}
          >
            {inner}
          </button>
        ) : (
          <div>{inner}</div>
        )}
      </td>
    )
  }
  return (
    <div className={`calendar ${span}`}>
      <div className="ctl">
        <strong aria-live="polite">{title}</strong>
        <span className="sp" />
        <button type="button" className="btn sm" onClick={() => setOffset(offset - 1)} aria-label={t('oncall.before')}>
          ‹
        </button>
        <button type="button" className="btn sm" disabled={offset === 0} onClick={() => setOffset(0)}>
          {t('oncall.today')}
        </button>
        <button type="button" className="btn sm" onClick={() => setOffset(offset + 1)} aria-label={t('oncall.after')}>
          ›
        </button>
        <Segments
          label={t('oncall.span')}
          options={[
            [t('oncall.spanWeek'), 'week' as Span],
            [t('oncall.spanMonth'), 'month' as Span],
          ]}
          value={span}
          onPick={(next) => {
            setSpan(next)
            setOffset(0)
          }}
        />
        <a className="btn sm" href={`/on-call/${schedule.id}.ics`} download>
          {t('oncall.ical')}
        </a>
      </div>
      {failure && <p className="crit">{failure}</p>}
      <table aria-busy={shifts === null} aria-label={t('oncall.calendarOf', { name: schedule.name })}>
        <thead>
          <tr>
            {weekdays().map((one) => (
              <th scope="col" key={one}>
                {one}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]}>{week.map(cell)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
const clockTimeIn = (at: number, zone: string): string => wall(at, zone).slice(11) || clockTime(at)
