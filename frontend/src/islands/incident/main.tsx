import { useCallback, useEffect, useRef, useState } from 'react'
import { Note, Take } from '../../alerting/Take'
import type { Line } from '../../charts/engine'
import { Sync } from '../../charts/sync'
import { TimeChart } from '../../charts/TimeChart'
import { dayTime, duration, unitOf } from '../../format'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { Incident, IncidentProps, Kin, Member, Message, SeriesAnswer } from '../../types'
import { incidentTone, incidentWord, mount, Shape, Status, useNow, useOnce } from '../../ui/parts'
import { t, tn } from '../../words'
import { usePage } from '../page'
import { blurred, sharpen, wordsOf } from '../server/series'
import { Coming, Timeline } from './Timeline'

const MARGIN = 1800
const POINTS = 600
const LONGEST = 7 * 86400
const RENEW_MS = 15_000
const OUTCOME_MS = 3000
// rules without a series of their own: there is nothing to draw
const DERIVED = new Set(['', 'silent_seconds', 'condition'])

const fold = (state: IncidentProps, { data }: Message): IncidentProps => {
  const incident = data.incident as Incident | undefined
  return incident?.id === state.incident.id ? { ...state, incident } : state
}
function sentence(incident: Incident, at: number): string {
  const age = duration((incident.until ?? at) - incident.since)
  if (incident.until !== null) return t('incident.sentenceResolved', { time: dayTime(incident.until), age })
  if (incident.state === 'acknowledged')
    return t('incident.sentenceAcknowledged', { age, name: incident.owner ?? t('incident.nobody') })
  return t('incident.sentenceOpen', { age })
}
const number = (v: number | null | undefined) => (v === null || v === undefined ? Number.NaN : v)

/** The series that broke the rule, around the time when it did. */
function Evidence({ incident }: { incident: Incident }) {
  const fmt = useOnce(() => unitOf(incident.metric))
  const sync = useOnce(() => new Sync([Math.max(incident.since - MARGIN, now() - LONGEST), incident.until ?? now()]))
  const data = useOnce(() => ({
    t: new Float64Array(0),
    lines: [{ key: 'v', label: incident.what || incident.metric, color: '--c1', values: new Float64Array(0) } as Line],
    step: 10,
    anomalies: [[incident.since, incident.until ?? now()]] as Array<[number, number]>,
    // the line shows what was measured; a limit for each core is no line in that picture
    threshold: incident.per ? undefined : (incident.limit ?? undefined),
    max: incident.metric.endsWith('_percent') ? 100 : undefined,
    critical: incident.severity === 'critical',
    least: incident.metric.includes('_bytes') ? 1000 : undefined,
    words: wordsOf(),
  }))
  const [any, setAny] = useState(true)
  useEffect(() => {
    const { server, until } = incident
    if (!server) return
    const load = async () => {
      const end = until === null ? now() : Math.min(until + MARGIN, now())
      const start = Math.max(incident.since - MARGIN, end - LONGEST)
      const ask = (from: number, to: number, points?: number) => {
        const query = new URLSearchParams({ server: server.id, metric: incident.metric })
        if (points) query.set('points', String(points))
        query.set('start', String(Math.floor(from)))
        query.set('end', String(Math.ceil(to)))
        return getJson<SeriesAnswer>(`/api/v1/series?${query}`)
      }
      const rough = await ask(start, end, POINTS)
      const last = blurred(rough)
      const answer = last ? sharpen(rough, await ask(...last)) : rough
      const same = (labels: Record<string, string>) =>
        Object.entries(incident.labels).every(([key, value]) => labels[key] === value)
      const found = answer.series.find((one) => one.metric === incident.metric && same(one.labels))
      const line = data.lines[0]
      if (line) {
        line.values = Float64Array.from(found?.v ?? [], number)
        line.low = Float64Array.from(found?.min ?? [], number)
        line.high = Float64Array.from(found?.max ?? [], number)
      }
      data.t = Float64Array.from(found ? answer.t : [])
      data.step = Math.max(10, answer.step)
      data.anomalies = [[incident.since, until ?? end]]
      sync.home = [start, end]
      if (sync.live) sync.range = sync.home
      setAny(found?.v.some((v) => v !== null) ?? false)
      sync.redraw()
    }
    const run = () => void load().catch(() => setAny(data.t.length > 0))
    run()
    if (until !== null) return
    const id = setInterval(run, RENEW_MS)
    return () => clearInterval(id)
  }, [incident, data, sync])
  if (!incident.server || DERIVED.has(incident.metric)) return null
  return any ? (
    <TimeChart title={incident.what || incident.metric} data={data} sync={sync} fmt={fmt} />
  ) : (
    <p className="card hint pad">{t('server.noSamples')}</p>
  )
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
    <section className="card" aria-label={t('members.title')}>
      <header>
        <h2>{tn('members.count', count)}</h2>
        <span className="sp" />
        <span className="mut num">{t('members.open', { n: incident.open ?? 0 })}</span>
      </header>
      <div className="scroll">
        <table className="grid">
          <thead>
            <tr>
              <th scope="col">{t('incident.server')}</th>
              <th scope="col">{t('members.what')}</th>
              <th scope="col">{t('incident.value')}</th>
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
                <td className="num">{unitOf(one.metric)(one.value)}</td>
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
function Family({ parent, kids }: { parent: Kin | null; kids: Kin[] }) {
  if (!parent && !kids.length) return null
  const kin = (one: Kin) => (
    <li key={one.url}>
      <span className={one.severity === 'critical' ? 'crit' : 'warn'}>
        <Shape s={one.severity === 'critical' ? 'crit' : 'warn'} size={11} />
      </span>
      <a href={one.url}>{one.title}</a>
    </li>
  )
  return (
    <section className="card" aria-label={t('family.title')}>
      <header>
        <h2>{t(parent ? 'family.parent' : 'family.children')}</h2>
      </header>
      <ul className="short">{parent ? kin(parent) : kids.map(kin)}</ul>
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
    const id = setInterval(again, OUTCOME_MS)
    return () => clearInterval(id)
  }, [busy, again])
}
function Page({ first }: { first: IncidentProps }) {
  const again = useCallback(() => void reload.current().catch(() => undefined), [])
  // whatever moved it has written a new line into the story
  const [page, load] = usePage(first, fold, { on: ({ data }) => mine(first, data) && again() })
  const reload = useRef(load)
  reload.current = load
  const { incident, timeline, members, coming, acts, parent, children } = page
  const at = useNow()
  const may = acts.includes(incident.team ?? '')
  useOutcome(page, at, again)
  const write = unitOf(incident.metric)
  const facts: Array<[string, string]> = [
    [t('incident.started'), dayTime(incident.since)],
    [t('incident.duration'), duration((incident.until ?? at) - incident.since)],
    [t('incident.owner'), incident.owner ?? t('incident.nobody')],
    [t('incident.rule'), incident.rule],
  ]
  if (incident.value !== null) {
    const limit = incident.limit === null ? '' : ` (${t('incident.limitIs', { limit: write(incident.limit) })})`
    if (incident.what) facts.push([t('incident.what'), incident.what])
    facts.push([t('incident.value'), `${write(incident.value)}${limit}`])
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
            <p className="lede num">{sentence(incident, at)}</p>
          </div>
        </div>
        <Coming incident={incident} coming={coming} at={at} />
        {incident.held && <p className="lede held">{t('family.held', { why: incident.held })}</p>}
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
          <Evidence incident={incident} />
          <Members incident={incident} first={members} at={at} />
          <section className="card" aria-label={t('incident.timeline')}>
            <header>
              <h2>{t('incident.timeline')}</h2>
              <span className="sp" />
              <a className="more" href={`/record/?incident=${incident.id}`}>
                {t('story.record')}
              </a>
            </header>
            <Timeline entries={timeline} title={incident.title} at={at} />
            {may && <Note incident={incident} onDone={again} />}
          </section>
        </div>
        <aside className="rail" aria-label={t('incident.facts')}>
          <Family parent={parent} kids={children} />
          <section className="card" aria-label={t('incident.facts')}>
            <header>
              <h2>{t('incident.facts')}</h2>
            </header>
            <div className="factset">
              <dl>
                {incident.server && (
                  <div>
                    <dt>{t('incident.server')}</dt>
                    <dd>
                      <a className="more" href={incident.server.url}>
                        {incident.server.name}
                      </a>
                    </dd>
                  </div>
                )}
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
mount<IncidentProps>('incident', (props) => <Page first={props} />)
