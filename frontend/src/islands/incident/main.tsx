import { useCallback, useEffect, useState } from 'react'
import type { Line } from '../../charts/engine'
import { Sync } from '../../charts/sync'
import { TimeChart } from '../../charts/TimeChart'
import { dayTime, duration, unitOf } from '../../format'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { Incident, IncidentProps, Message, SeriesAnswer } from '../../types'
import { Acknowledge } from '../../ui/Acknowledge'
import { incidentTone, incidentWord, mount, Status, useNow, useOnce } from '../../ui/parts'
import { t } from '../../words'
import { usePage } from '../page'
import { blurred, sharpen, wordsOf } from '../server/series'

const MARGIN = 1800
const POINTS = 600
const LONGEST = 7 * 86400
const RENEW_MS = 15_000

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
    lines: [{ key: 'v', label: incident.metric, color: '--c1', values: new Float64Array(0) } as Line],
    step: 10,
    anomalies: [[incident.since, incident.until ?? now()]] as Array<[number, number]>,
    threshold: incident.limit ?? undefined,
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
  if (!incident.server) return null
  const labels = Object.values(incident.labels).join(', ')
  return any ? (
    <TimeChart title={`${incident.metric}${labels ? ` · ${labels}` : ''}`} data={data} sync={sync} fmt={fmt} />
  ) : (
    <p className="card hint pad">{t('server.noSamples')}</p>
  )
}
const KINDS: Record<string, string> = {
  firing: 'crit',
  resolved: 'ok',
  acknowledged: 'acc',
  'delivery sent': '',
  'delivery dead': 'crit',
}

function Page({ first }: { first: IncidentProps }) {
  const [{ incident, timeline }, reload] = usePage(first, fold)
  const at = useNow()
  // a change of state has written a new line into the story
  const { state } = incident
  const again = useCallback(() => void reload().catch(() => undefined), [reload])
  useEffect(() => {
    if (state !== first.incident.state) again()
  }, [state, first, again])
  const write = unitOf(incident.metric)
  const facts: Array<[string, string]> = [
    [t('incident.started'), dayTime(incident.since)],
    [t('incident.duration'), duration((incident.until ?? at) - incident.since)],
    [t('incident.owner'), incident.owner ?? t('incident.nobody')],
    [t('incident.rule'), incident.rule],
  ]
  if (incident.value !== null) {
    const limit = incident.limit === null ? '' : ` (${t('incident.limitIs', { limit: write(incident.limit) })})`
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
          <span className="sp" />
          <div className="ctl">
            {incident.state === 'acknowledged' && <Status s="info">{incidentWord(incident)}</Status>}
            <Acknowledge incident={incident} primary onDone={again} />
          </div>
        </div>
      </div>
      <div className="srv">
        <div className="stack">
          <Evidence incident={incident} />
          <section className="card" aria-label={t('incident.timeline')}>
            <header>
              <h2>{t('incident.timeline')}</h2>
            </header>
            {timeline.length ? (
              <ol className="tl">
                {timeline.map((entry, i) => (
                  <li key={`${entry.at}-${i}`}>
                    <span className={`dot ${KINDS[entry.kind] ?? ''}`} />
                    <div>
                      {entry.text}
                      <br />
                      <time className="num" dateTime={new Date(entry.at * 1000).toISOString()}>
                        {dayTime(entry.at)}
                      </time>
                    </div>
                  </li>
                ))}
              </ol>
            ) : (
              <p className="hint pad">{t('incident.noTimeline')}</p>
            )}
          </section>
        </div>
        <aside className="rail" aria-label={t('incident.facts')}>
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
