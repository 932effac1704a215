import { useCallback, useEffect, useReducer, useRef, useState } from 'react'
import type { Range } from '../../charts/engine'
import { Sync } from '../../charts/sync'
import { TimeChart } from '../../charts/TimeChart'
import { ago, duration } from '../../format'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { Incident, Message, SeriesAnswer, Server, ServerProps } from '../../types'
import {
  Demo,
  faces,
  Icon,
  incidentTone,
  incidentWord,
  mount,
  Segments,
  Shape,
  Status,
  useNow,
  useOnce,
} from '../../ui/parts'
import { type Key, known, t } from '../../words'
import { byWeight, usePage, withIncident } from '../page'
import { blurred, Chart, isReal, METRICS, SPECS, type Spec, sharpen } from './series'

const SPANS = [
  ['15m', 900],
  ['1h', 3600],
  ['6h', 21600],
  ['24h', 86400],
] as const
const POINTS = 600
const YOUNG = 900
const WEEK = 7 * 86400
const LAST_STEPS = 12
type Points = { t: number[]; series: Record<string, Array<number | null>> }

const asked = (): number | undefined => {
  const name = new URLSearchParams(location.search).get('range')
  return SPANS.find(([span]) => span === name)?.[1]
}
function share(span: number): void {
  const name = SPANS.find(([, seconds]) => seconds === span)?.[0] ?? '1h'
  history.replaceState(null, '', `${location.pathname}?range=${name}`)
}
/** What was measured in a time, in so many points; without a number every single sample. */
const fetchPoints = (id: string, [from, to]: Range, signal: AbortSignal, points?: number): Promise<SeriesAnswer> => {
  const query = new URLSearchParams({ server: id })
  if (points) query.set('points', String(points))
  query.set('start', String(Math.floor(from)))
  query.set('end', String(Math.ceil(to)))
  for (const metric of METRICS) query.append('metric', metric)
  return getJson<SeriesAnswer>(`/api/v1/series?${query}`, signal)
}

async function fetchHistory(id: string, range: Range, signal: AbortSignal): Promise<SeriesAnswer> {
  const answer = await fetchPoints(id, range, signal, POINTS)
  const end = blurred(answer)
  if (!end) return answer
  return sharpen(answer, await fetchPoints(id, end, signal).catch(() => ({ t: [], step: 0, series: [] })))
}

/** Whether a machine was watched before: a pause must not look like a beginning. */
async function hasOlder(id: string, before: number): Promise<boolean> {
  const query = new URLSearchParams({ server: id, metric: 'cpu_used_percent', points: '50' })
  query.set('start', String(Math.floor(before - WEEK)))
  query.set('end', String(Math.floor(before - 1)))
  const answer = await getJson<SeriesAnswer>(`/api/v1/series?${query}`).catch(() => null)
  return !answer || answer.series.some((line) => line.v.some(isReal))
}

/** Charts, their shared range, and what keeps them filled: history when the range changes, live points after it. */
function useCharts(server: Server) {
  const { id, interval } = server
  const latest = useRef(server)
  latest.current = server
  const charts = useOnce(() => SPECS.map((spec) => new Chart(spec, interval)))
  const sync = useOnce(() => new Sync([now() - (asked() ?? 3600), now()]))
  const [state, setState] = useState<'loading' | 'ready' | { failed: string }>('loading')
  const [span, setSpan] = useState(asked() ?? 3600)
  const [zoomed, setZoomed] = useState(false)
  const [, renew] = useReducer((n: number) => n + 1, 0)
  const loading = useRef<AbortController | null>(null)
  const waiting = useRef<Points[]>([])

  const append = useCallback(
    (points: Points) => {
      if (loading.current) {
        waiting.current.push(points)
        return
      }
      if (!sync.live) return // a zoomed range stands still; going back loads what came meanwhile
      const changed = charts.map((chart) => chart.append(points.t, points.series))
      if (changed.some(Boolean)) renew()
      sync.redraw()
    },
    [charts, sync],
  )
  const load = useCallback(
    async (range: Range) => {
      loading.current?.abort()
      const mine = new AbortController()
      loading.current = mine
      setState('loading')
      try {
        const answer = await fetchHistory(id, range, mine.signal)
        for (const chart of charts) chart.load(answer)
        const { seen, interval } = latest.current
        if (seen !== null && !answer.series.some((line) => line.v.some(isReal))) {
          const past = await fetchPoints(id, [seen - LAST_STEPS * interval, seen + 1], mine.signal)
          for (const chart of charts) chart.remember(past)
        }
        loading.current = null
        for (const points of waiting.current.splice(0)) append(points)
        setState('ready')
        renew()
        sync.redraw()
        return answer
      } catch (error) {
        if (mine.signal.aborted) return null
        loading.current = null
        setState({ failed: error instanceof Error ? error.message : '' })
        return null
      }
    },
    [id, charts, sync, append],
  )
  const pick = useCallback(
    (seconds: number) => {
      setSpan(seconds)
      setZoomed(false)
      sync.floor = null
      sync.setSpan(seconds)
      share(seconds)
      void load(sync.range)
    },
    [sync, load],
  )
  useEffect(() => {
    sync.onPick = (range) => {
      setZoomed(range !== null)
      void load(range ?? sync.home)
    }
    void load(sync.range).then(async (answer) => {
      if (!answer || asked() !== undefined) return
      const first = answer.t.find((_, i) => answer.series.some((line) => isReal(line.v[i]))) ?? now()
      if (now() - first > YOUNG || (await hasOlder(id, first))) return
      sync.floor = first
      setSpan(YOUNG)
      sync.setSpan(YOUNG)
    })
    const clock = setInterval(() => sync.follow(now()), 1000)
    return () => {
      clearInterval(clock)
      loading.current?.abort()
    }
  }, [id, sync, load])
  return { charts, sync, state, span, zoomed, pick, append, load }
}
const fold = (state: ServerProps, { topic, data }: Message): ServerProps => {
  if (topic !== 'incidents') return { ...state, server: (data.server as Server | undefined) ?? state.server }
  const incident = data.incident as Incident
  if (incident.server?.id !== state.server.id) return state
  return { ...state, incidents: withIncident(state.incidents, incident) }
}
const FACTS_FIRST = ['os', 'system', 'host', 'cpu', 'memory']
const WORDED = [...FACTS_FIRST, 'agent', 'packages']
const UNFOLDED = 8

function Facts({ facts }: { facts: ServerProps['facts'] }) {
  const sections = Object.entries(facts).sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b))
  return (
    <section className="card" aria-label={t('server.facts')}>
      <header>
        <h2>{t('server.facts')}</h2>
      </header>
      {sections.length ? (
        sections.map(([section, pairs]) => <FactSet key={section} section={section} pairs={pairs} />)
      ) : (
        <p className="hint pad">{t('server.noFacts')}</p>
      )}
    </section>
  )
}
/** Long lists, such as a hundred updates, are folded: the page is about numbers. */
function FactSet({ section, pairs }: { section: string; pairs: ServerProps['facts'][string] }) {
  const listed = Object.entries(pairs)
  // Keys of other sections are names that machines gave: packages, users, mounts.
  const named = !WORDED.includes(section)
  const list = (
    <dl>
      {listed.map(([key, value]) => (
        <div key={key}>
          <dt>{named ? key : spaced(key.replace(/_bytes$/, ''))}</dt>
          <dd>{fact(key, value)}</dd>
        </div>
      ))}
    </dl>
  )
  if (listed.length <= UNFOLDED)
    return (
      <div className="factset">
        <h3>{sectionWord(section)}</h3>
        {list}
      </div>
    )
  return (
    <details className="factset">
      <summary>
        <h3>{sectionWord(section)}</h3> {t('server.entries', { n: listed.length })}
      </summary>
      {list}
    </details>
  )
}
const spaced = (name: string) => {
  const text = name.replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
const sectionWord = (section: string) => {
  const key = `server.section.${section}`
  return known(key) ? t(key) : spaced(section)
}
const place = (section: string) => {
  const at = FACTS_FIRST.indexOf(section)
  return at < 0 ? FACTS_FIRST.length : at
}
function fact(key: string, value: string | number | boolean | null): string {
  if (value === null || value === '') return '–'
  if (typeof value === 'number' && key.endsWith('bytes')) return `${(value / 2 ** 30).toFixed(1)} GiB`
  return String(value)
}
function Incidents({ list, at, id }: { list: Incident[]; at: number; id: string }) {
  const order = (a: Incident, b: Incident) =>
    Number(a.state === 'resolved') - Number(b.state === 'resolved') ||
    (a.state === 'resolved' ? b.since - a.since : byWeight(a, b))
  return (
    <section className="card" aria-label={t('server.incidents')}>
      <header>
        <h2>{t('server.incidents')}</h2>
        <span className="sp" />
        <a className="more" href={`/record/?server=${id}`}>
          {t('server.record')}
        </a>
      </header>
      {list.length ? (
        <ul className="short">
          {[...list].sort(order).map((incident) => (
            <li key={incident.id}>
              <span className={`sign ${incidentTone(incident)}`}>
                <Shape s={incidentTone(incident)} size={11} />
              </span>
              <div>
                <a href={incident.url}>{incident.title}</a>
                <p className="dim num">
                  {incidentWord(incident)} ·{' '}
                  {incident.until === null
                    ? t('incident.since', { age: duration(at - incident.since) })
                    : t('incident.ended', { age: duration(at - incident.until) })}
                </p>
              </div>
            </li>
          ))}
        </ul>
      ) : (
        <p className="hint pad">{t('server.noIncidents')}</p>
      )}
    </section>
  )
}
/** Where a rule about a chart begins: one for each of its metrics, on this server. */
function rulesFrom({ title, parts }: Spec, name: string): Array<[string, string]> {
  const selector = /[\s()"]/.test(name) ? `name:"${name}"` : `name:${name}`
  return parts.map(({ metric, label }) => [
    parts.length > 1 && label ? t('chart.ruleOf', { what: `${t(title)} (${t(label)})` }) : t('chart.rule'),
    `/rules/new/?${new URLSearchParams({ metric, selector })}`,
  ])
}
function Story({ server, at }: { server: Server; at: number }) {
  const { name, reach, interval } = server
  const age = server.seen === null ? '' : duration(at - server.seen)
  const said: Record<string, [Key, Key]> = {
    down: ['server.silent', 'server.silentLede'],
    late: ['server.late', 'server.lateLede'],
    new: ['server.new', 'server.newLede'],
  }
  const words = said[reach]
  if (!words) return null
  return (
    <section className={`card banner ${reach === 'late' ? '' : 'still'}`} aria-label={t(`state.${reach}` as Key)}>
      <span className="ic">
        <Icon n="wave" s={19} />
      </span>
      <div>
        <strong className="num">{t(words[0], { name, age })}</strong>
        <p>{t(words[1], { n: interval })}</p>
      </div>
    </section>
  )
}
function Page({ first }: { first: ServerProps }) {
  const { charts, sync, state: loaded, span, zoomed, pick, append, load } = useCharts(first.server)
  const reload = useCallback(() => void load(sync.range), [load, sync])
  const [{ server, facts, incidents }] = usePage(first, fold, {
    on: ({ data }) => {
      if (data.t && data.series) append(data as unknown as Points)
    },
    reloaded: reload, // messages were missed, so points were too
  })
  const at = useNow()
  return (
    <>
      <div>
        <nav className="crumb" aria-label={t('server.crumb')}>
          <a href="/">{t('server.fleet')}</a>
          <span aria-hidden="true">/</span>
          <span>{server.name}</span>
        </nav>
        <div className="titled">
          <h1>{server.name}</h1>
          {faces(server).map(({ tone, word }) => (
            <Status key={word} s={tone}>
              {word}
            </Status>
          ))}
          {first.may_manage && (
            <a className="btn sm" href={`${server.url}edit/`}>
              {t('server.edit')}
            </a>
          )}
        </div>
        <div className="facts num">
          {server.demo && <Demo />}
          {server.os && <b>{server.os}</b>}
          {server.tags.map((tag) => (
            <span className="tag" key={tag}>
              {tag}
            </span>
          ))}
          <span>{server.team}</span>
          <span>{t('server.every', { n: server.interval })}</span>
          <span>{server.seen === null ? t('state.new') : t('server.seen', { age: ago(at - server.seen) })}</span>
        </div>
      </div>
      <Story server={server} at={at} />
      <div className="ctl">
        <Segments
          label={t('server.range')}
          options={SPANS.map(([name, seconds]) => [t(`server.r${name}` as Key), seconds] as const)}
          value={zoomed ? null : span}
          onPick={pick}
        />
        {zoomed && (
          <button type="button" className="btn" onClick={() => sync.reset()}>
            {t('server.reset')}
          </button>
        )}
        <span className="sp" />
        <span className="dim hide" aria-live="polite">
          {loaded === 'loading' ? t('server.loading') : t('server.hint')}
        </span>
      </div>
      {typeof loaded === 'object' && (
        <p className="card note crit" role="alert">
          {t('server.historyFailed', { why: loaded.failed })}{' '}
          <button type="button" className="btn sm" onClick={reload}>
            {t('server.retry')}
          </button>
        </p>
      )}
      <div className="srv">
        <div className={`charts ${loaded === 'loading' ? 'busy' : ''}`}>
          {charts.map((chart) => (
            <TimeChart
              key={chart.spec.id}
              title={t(chart.spec.title)}
              data={chart.data}
              fmt={chart.spec.fmt}
              sync={sync}
              menu={first.may_manage ? rulesFrom(chart.spec, server.name) : undefined}
            />
          ))}
        </div>
        <aside className="rail" aria-label={t('incident.facts')}>
          <Incidents list={incidents} at={at} id={server.id} />
          <Facts facts={facts} />
        </aside>
      </div>
    </>
  )
}
mount<ServerProps>('server', (props) => <Page first={props} />)
