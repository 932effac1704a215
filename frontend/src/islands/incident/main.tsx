import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react'
import { begin } from '../../alerting/doing'
import { Note, Take } from '../../alerting/Take'
import { whileSeen } from '../../awake'
import { dayTime, duration, lasted, unitOf, whole } from '../../format'
import { beganAt, isLive, valueText } from '../../incidents'
import { getJson } from '../../live/http'
import type { Incident, IncidentProps, Member, Message } from '../../types'
import { incidentTone, incidentWord, mount, Shape, Skeleton, Status, useNow } from '../../ui/parts'
import { t, tn } from '../../words'
import { usePage } from '../page'
import { ByRule, Causes, Family, People, Similar } from './Around'
import { impact, sentence } from './saying'
import { Coming, Hushed, Timeline } from './Timeline'
import '../../charts/chart.css'
import '../../design/alerts.css'
import './incident.css'

// the words come first: a phone can acknowledge before the charts are there
const Evidence = lazy(() => import('./Evidence').then(({ Evidence }) => ({ default: Evidence })))
const OUTCOME_MS = 3000
const fold = (state: IncidentProps, { data }: Message): IncidentProps => {
  const incident = data.incident as Incident | undefined
  return incident?.id === state.incident.id ? { ...state, incident } : state
}
/** The alerts it holds: the first ones come along, the rest on demand. */
function Members({ incident, first, at }: { incident: Incident; first: Member[]; at: number }) {
  const [all, setAll] = useState<Member[] | null>(null)
  const list = all ?? first
  const count = incident.members ?? list.length
  if (count < 2 && list.length < 2) return null
  const load = async () => {
    const answer = await getJson<{ members: Member[] }>(`${incident.url}members/`).catch(() => null)
    if (answer) setAll(answer.members)
  }
  return (
    <section className="card members" aria-label={t('members.title')}>
      <header>
        <h2>{tn('members.count', count)}</h2>
        <span className="sp" />
        <span className="mut num">{t('members.open', { n: incident.open ?? 0 })}</span>
      </header>
      <div className="scroll">
        <table className="grid">
          <thead>
            <tr>
              <th scope="col">{t(list.every((one) => one.server.check) ? 'incident.check' : 'incident.server')}</th>
              <th scope="col">{t('members.what')}</th>
              <th scope="col">{t(list.some(isLive) ? 'incident.value' : 'incident.valueThen')}</th>
              <th scope="col">{t('members.since')}</th>
            </tr>
          </thead>
          <tbody>
            {list.map((one) => (
              <tr key={one.id} className={one.until ? 'still' : undefined}>
                <td>
                  <span className={one.until ? 'ok' : one.severity === 'critical' ? 'crit' : 'warn'}>
                    <Shape s={one.until ? 'ok' : one.severity === 'critical' ? 'crit' : 'warn'} />
                    <span className="sr">{one.until ? t('incident.resolved') : t(`severity.${one.severity}`)}</span>
                  </span>{' '}
                  <a href={one.server.url}>{one.server.name}</a>
                </td>
                <td>{one.what}</td>
                <td className="num">{valueText(one, at)}</td>
                <td className="num">
                  {one.until ? t('incident.ended', { age: duration(at - one.until) }) : duration(at - one.since)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {count > list.length && (
        <p className="pad">
          <button type="button" className="btn sm" onClick={() => void load()}>
            {t('members.all', { n: count })}
          </button>
        </p>
      )}
    </section>
  )
}
const mine = (first: IncidentProps, data: Message['data']) =>
  (data.incident as Incident | undefined)?.id === first.incident.id
/** What becomes of messages is not pushed: while something is under way, look again now and then. */
function useOutcome({ incident, timeline, coming }: IncidentProps, at: number, again: () => void): void {
  const waiting = timeline.some((entry) => entry.deliveries?.some((one) => one.state === 'waiting'))
  const due = [coming.at, incident.next?.at ?? null].some((time) => time !== null && time <= at)
  const busy = waiting || due || coming.news
  useEffect(() => {
    if (!busy) return
    return whileSeen(again, OUTCOME_MS)
  }, [busy, again])
}
/** The address of this page, for a colleague or for paper. */
function Link() {
  const [copied, setCopied] = useState(false)
  const copy = () =>
    navigator.clipboard?.writeText(location.origin + location.pathname).then(
      () => setCopied(true),
      () => setCopied(false),
    )
  return (
    <div className="ctl noprint">
      <button type="button" className="btn" onClick={() => void copy()}>
        {t(copied ? 'incident.copied' : 'incident.copy')}
      </button>
      <button type="button" className="btn" onClick={() => print()}>
        {t('incident.print')}
      </button>
    </div>
  )
}
function Page({ first }: { first: IncidentProps }) {
  const again = useCallback(() => void reload.current().catch(() => undefined), [])
  // whatever moved it has written a new line into the story
  const [page, load] = usePage(first, fold, { on: ({ data }) => mine(first, data) && again() })
  const reload = useRef(load)
  reload.current = load
  const { incident, timeline, members, coming, acts, parent, children, reach, people, causes, similar } = page
  const at = useNow()
  const may = acts.includes(incident.team ?? '')
  const over = incident.until !== null
  const began = beganAt(incident)
  useOutcome(page, at, again)
  const write = unitOf(incident.metric)
  const facts: Array<[string, string]> = [
    [t('incident.started'), dayTime(began)],
    [t('incident.duration'), incident.until === null ? duration(at - began) : lasted(incident.until - began)],
  ]
  if (incident.owner) facts.push([t('incident.owner'), incident.owner])
  if (incident.value !== null) {
    const limit =
      incident.limit === null || incident.metric === 'check_up'
        ? ''
        : ` (${t('incident.limitIs', { limit: write(incident.limit) })})`
    if (incident.what) facts.push([t('incident.what'), incident.what])
    facts.push([t(isLive(incident) ? 'incident.value' : 'incident.valueThen'), `${valueText(incident, at)}${limit}`])
  }
  return (
    <>
      <div>
        <nav className="crumb" aria-label={t('server.crumb')}>
          <a href="/alerts/">{t('incident.crumb')}</a>
          <span aria-hidden="true">/</span>
          <span>{incident.rule}</span>
        </nav>
        <div className="hero">
          <div>
            <div className="titled">
              <h1>{incident.title}</h1>
              <Status s={incidentTone(incident)}>
                {incident.state === 'resolved' ? t('incident.resolved') : t(`severity.${incident.severity}`)}
              </Status>
            </div>
            <p className="lede num">
              {sentence(incident, at)} {impact(reach, over)}
            </p>
            <p className="printed num">{t('incident.printed', { time: whole(at), url: location.href })}</p>
          </div>
          <span className="sp" />
          <Link />
        </div>
        <Coming incident={incident} coming={coming} at={at} />
        <Hushed incident={incident} />
        {incident.taken && incident.state === 'acknowledged' && (
          <p className="mut">
            <Status s="info">{incidentWord(incident)}</Status>{' '}
            {t(`taken.${incident.taken.how || 'worse'}` as 'taken.worse')}
            {incident.taken.reason && (
              <>
                {' '}
                · <q>{incident.taken.reason}</q>
              </>
            )}
          </p>
        )}
      </div>
      <Take incident={incident} sure={may} onDone={again} />
      <div className="srv">
        <div className="stack">
          <Suspense fallback={<Skeleton height={250} />}>
            <Evidence incident={incident} members={members} />
          </Suspense>
          <Members incident={incident} first={members} at={at} />
          <section className="card" aria-label={t('incident.timeline')}>
            <header>
              <h2>{t('incident.timeline')}</h2>
              <span className="sp" />
              <a className="more" href={`/record/?incident=${incident.id}`}>
                {t('story.record')}
              </a>
            </header>
            <Timeline entries={timeline} incident={incident} at={at} />
            {may && <Note incident={incident} onDone={again} />}
          </section>
        </div>
        <aside className="rail" aria-label={t('incident.facts')}>
          <Family parent={parent} kids={children} />
          {(causes.length > 0 || !over) && <Causes list={causes} since={began} />}
          <Similar similar={similar} />
          <ByRule rule={page.by_rule} />
          <section className="card" aria-label={t('incident.facts')}>
            <header>
              <h2>{t('incident.facts')}</h2>
            </header>
            <div className="factset">
              <dl>
                {incident.server && (
                  <div>
                    <dt>{t(incident.server.check ? 'incident.check' : 'incident.server')}</dt>
                    <dd>
                      <a className="more" href={incident.server.url}>
                        {incident.server.name}
                      </a>
                    </dd>
                  </div>
                )}
                <div>
                  <dt>{t('people.title')}</dt>
                  <dd>
                    <People people={people} />
                  </dd>
                </div>
                {facts.map(([label, value]) => (
                  <div key={label}>
                    <dt>{label}</dt>
                    <dd className="num">{value}</dd>
                  </div>
                ))}
              </dl>
            </div>
          </section>
        </aside>
      </div>
    </>
  )
}
mount<IncidentProps>('incident', (props) => {
  begin(props.me ?? '')
  return <Page first={props} />
})
