// The story of an incident: what happened, what a chain did or will do, and what became of every message.

import { countdown, dayTime, duration } from '../../format'
import type { Delivered, Incident, IncidentProps, TimelineEntry } from '../../types'
import { t, tn } from '../../words'
import { until } from './when'

const DOTS: Record<string, string> = {
  unacknowledged: 'warn',
  reminder: 'warn',
  resolved: 'ok',
  acknowledged: 'acc',
  note: 'acc',
}
/** One tone by severity, as the charts and the list have it. */
export const dotOf = (kind: string, severity: Incident['severity']): string =>
  DOTS[kind] ?? (kind === 'firing' || kind === 'escalated' ? (severity === 'critical' ? 'crit' : 'warn') : '')

export function stepText(entry: Pick<TimelineEntry, 'step' | 'args'>): string {
  const { step = '', args = {} } = entry
  const name = String(args.name ?? args.to ?? args.title ?? '')
  if (step === 'wait') return t('step.wait', { age: duration(Number(args.seconds ?? 0)) })
  if (step === 'repeat') return t('step.repeat', { n: Number(args.times ?? 1) })
  if (step === 'person' && name) return t('step.personOf', { name })
  const key = `step.${step}` as 'step.team'
  return name ? `${t(key)}: ${name}` : t(key)
}
function Step({ entry, at }: { entry: TimelineEntry; at: number }) {
  const due = entry.due ?? entry.at
  const late = entry.done ? entry.done - due : 0
  return (
    <div>
      <span className="kind">{t('story.step', { n: entry.place ?? 0, chain: entry.chain ?? '' })}</span>{' '}
      {stepText(entry)}
      {entry.text && <span className="mut"> · {entry.text}</span>}
      <Time at={entry.at}>
        {entry.done
          ? late > 2
            ? t('story.doneLate', { due: dayTime(due), age: duration(late) })
            : t('story.done')
          : t('story.due', { when: until(due, at) })}
      </Time>
    </div>
  )
}
const Time = ({ at, children }: { at: number; children?: React.ReactNode }) => (
  <p className="at num">
    <time dateTime={new Date(at * 1000).toISOString()}>{dayTime(at)}</time>
    {children && <span> · {children}</span>}
  </p>
)
const LATE = 30
const TONE = { sent: 'ok', dead: 'crit', waiting: 'warn', dropped: 'off' } as const

function Told({ one, at }: { one: Delivered; at: number }) {
  const said = {
    sent: t('told.sent'),
    dead: t('told.dead'),
    dropped: t('told.dropped'),
    waiting: one.error ? t('told.again', { when: until(one.due, at) }) : t('told.next', { when: until(one.due, at) }),
  }[one.state]
  return (
    <li className={TONE[one.state]}>
      <b>{one.channel}</b>
      {one.to && <span className="mut"> → {one.to}</span>}
      <span> {said}</span>
      {one.sent !== null && one.sent - one.due > LATE && (
        <span className="warn num"> {t('told.late', { age: duration(one.sent - one.due) })}</span>
      )}
      {one.attempts > 1 && <span className="mut num"> ({tn('told.tries', one.attempts)})</span>}
      {one.instead && <span className="mut"> {t('told.instead', { name: one.instead })}</span>}
      {(one.state === 'sent' ? one.answer : one.error) && (
        <q className="mono">{one.state === 'sent' ? one.answer : one.error}</q>
      )}
    </li>
  )
}
const HELD = {
  held: 'story.stillHeld',
  'not told': 'story.held',
  waiting: 'story.stillHeld',
  told: 'story.wasHeld',
} as const

/** Messages end with the title, for those who read them alone; under the title itself that is said already. */
const bare = (text: string, title: string) =>
  text.endsWith(`: ${title}`) ? `${text.slice(0, -title.length - 2)}.` : text

function Entry({ entry, at, title }: { entry: TimelineEntry; at: number; title: string }) {
  const { deliveries = [], tells = [], more = 0 } = entry
  return (
    <div>
      {bare(entry.text, title)}
      {entry.by && entry.kind === 'note' && <span className="mut"> · {entry.by}</span>}
      {entry.held && <p className="mut">{t(HELD[entry.state ?? 'told'], { why: entry.held })}</p>}
      <Time at={entry.at} />
      {tells.length > 0 && (
        <details className="tells">
          <summary>{tn('story.tells', tells.length + more)}</summary>
          <ul>
            {tells.map((one) => (
              <li key={`${one.at}${one.text}`}>
                {one.text} <span className="mut num">{dayTime(one.at)}</span>
              </li>
            ))}
            {more > 0 && <li className="mut">{t('story.andMore', { n: more })}</li>}
          </ul>
        </details>
      )}
      {deliveries.length > 0 && (
        <ul className="told">
          {deliveries.map((one, i) => (
            <Told key={`${one.channel}${one.to}${i}`} one={one} at={at} />
          ))}
        </ul>
      )}
    </div>
  )
}
export function Timeline({
  entries,
  incident: { title, severity },
  at,
}: {
  entries: TimelineEntry[]
  incident: Pick<Incident, 'title' | 'severity'>
  at: number
}) {
  if (!entries.length) return <p className="hint pad">{t('incident.noTimeline')}</p>
  const coming = (entry: TimelineEntry) => entry.kind === 'step' && !entry.done
  return (
    <ol className="tl">
      {entries.map((entry, i) => (
        <li key={`${entry.at}-${entry.kind}-${i}`} className={coming(entry) ? 'coming' : undefined}>
          <span className={`dot ${dotOf(entry.kind, severity)}`} />
          {entry.kind === 'step' ? <Step entry={entry} at={at} /> : <Entry entry={entry} at={at} title={title} />}
        </li>
      ))}
    </ol>
  )
}
/** "Next message in 12 s" and "on call is told in 4 min", while there is something to come. */
export function Coming({ incident, coming, at }: { incident: Incident; coming: IncidentProps['coming']; at: number }) {
  if (incident.state === 'resolved' && !coming.news) return null
  const parts: string[] = []
  const soon = coming.at !== null && coming.at > at
  const over = incident.state === 'resolved'
  // what holds it back holds back repeats and chains as well: Hushed says so
  const muted = Boolean(incident.held || incident.hushed)
  if (coming.news && coming.at !== null && (soon || !over))
    parts.push(t(over ? 'coming.over' : 'coming.news', { when: until(coming.at, at) }))
  else if (soon && coming.at !== null && incident.state === 'open' && coming.rest !== 'nobody' && !muted)
    parts.push(
      coming.to?.length
        ? t('coming.repeatTo', { when: until(coming.at, at), names: coming.to.join(', ') })
        : t('coming.repeat', { when: until(coming.at, at) }),
    )
  const { next } = incident
  if (next && incident.state === 'open' && !muted)
    parts.push(
      t('coming.step', {
        what: t(`step.${next.kind}` as 'step.team'),
        when: next.at - at < 1 ? t('when.now') : t('when.in', { age: countdown(next.at - at) }),
      }),
    )
  if (incident.taken?.until && incident.state === 'acknowledged')
    parts.push(t('coming.takenUntil', { time: dayTime(incident.taken.until) }))
  const rest = incident.state === 'open' && coming.rest && !muted ? t(`coming.${coming.rest}`) : ''
  if (!parts.length && !rest) return null
  return (
    <p className="coming num" role="timer">
      {parts.join(' · ')}
      {parts.length > 0 && rest && '. '}
      {rest}
      {rest && coming.rest === 'nobody' && (
        <>
          {' '}
          <a href="/channels/">{t('coming.channels')}</a>
        </>
      )}
    </p>
  )
}
/** Why nobody is told of it now. */
export function Hushed({ incident: { held, hushed } }: { incident: Pick<Incident, 'held' | 'hushed'> }) {
  if (held) return <p className="lede held">{t('family.held', { why: held })}</p>
  if (!hushed) return null
  return (
    <p className="lede held">
      {t('inbox.quietNow', { why: hushed.why })}
      {hushed.until ? ` ${t('inbox.quietUntil', { time: dayTime(hushed.until) })}` : ''}
    </p>
  )
}
