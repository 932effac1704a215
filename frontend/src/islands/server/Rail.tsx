// What stands beside the charts: alerts, disks with words, processes at a moment, what changed, what the machine is.
import { type ReactNode, useEffect, useReducer, useState } from 'react'
import { whileSeen } from '../../awake'
import { bytes, dayTime, duration, share } from '../../format'
import { beganAt } from '../../incidents'
import { now } from '../../live/clock'
import type { Incident } from '../../types'
import { incidentTone, incidentWord, Shape, useNow } from '../../ui/parts'
import { type Key, known, t, tn } from '../../words'
import { byWeight } from '../page'
import { type Board, fetchPoints } from './board'
import { type Now, useNewest, type Value } from './present'
import { isReal } from './series'
import type { PageProps } from './types'
import './later.css'

const WEEK = 7 * 86400
const DISKS = [
  'disk_used_percent', 'disk_used_bytes', 'disk_total_bytes', 'updates_pending', 'updates_security', 'reboot_required',
  'containers_running', 'containers_stopped', 'containers_unhealthy', 'services_failed',
] // biome-ignore format: a list

export default function Rail({ board, props }: { board: Board; props: PageProps }) {
  const [tries, again] = useReducer((n: number) => n + 1, 0)
  const found = useNewest(board.id, DISKS, WEEK, tries)
  const values = found instanceof Map ? found : null
  const top = useProcesses(board)
  // what stands below waits for what stands above it: nothing moves under a reader's eyes
  const [second, third] = [found !== null, found !== null && top.list !== null]
  return (
    <>
      <Incidents list={props.incidents} id={board.id} />
      {typeof found === 'string' && (
        <p className="card note" role="status">
          {t('server.railFailed', { why: found })}{' '}
          <button type="button" className="btn sm" onClick={again}>
            {t('server.retry')}
          </button>
        </p>
      )}
      {values && <Disks values={values} full={props.full} />}
      {second && <Processes {...top} />}
      {third && values && <State values={values} />}
      {third && <Ledger board={board} />}
      {third && (board.around || board.partial.length > 0 || typeof board.loaded === 'object') && (
        <Facts facts={props.facts} />
      )}
    </>
  )
}
function Card({ title, children, more }: { title: string; children: ReactNode; more?: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className="sp" />
        {more}
      </header>
      {children}
    </section>
  )
}
function Incidents({ list, id }: { list: Incident[]; id: string }) {
  const at = useNow(10_000)
  const order = (a: Incident, b: Incident) =>
    Number(a.state === 'resolved') - Number(b.state === 'resolved') ||
    (a.state === 'resolved' ? beganAt(b) - beganAt(a) : byWeight(a, b))
  const record = (
    <a className="more" href={`/record/?server=${id}`}>
      {t('server.record')}
    </a>
  )
  return (
    <Card title={t('server.incidents')} more={record}>
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
                    ? t('incident.since', { age: duration(at - beganAt(incident)) })
                    : t('incident.ended', { age: duration(at - incident.until) })}
                </p>
              </div>
            </li>
          ))}
        </ul>
      ) : (
        <p className="hint pad">{t('server.noIncidents')}</p>
      )}
    </Card>
  )
}
const FAR = 90
const SLOW = 0.0005 // of a disk a day: that is standing still

/** "full in about 6 days", as forecast or else at this pace, or why there is nothing to say. */
export function pace(used: Value, total: number, forecast?: number): [string, boolean] {
  if (forecast !== undefined) return filled(forecast)
  if (used.day === null) return ['', false]
  if (used.day < -SLOW * total) return [t('disk.shrinks'), false]
  if (used.day <= SLOW * total) return [t('disk.steady'), false]
  return filled((total - used.value) / used.day)
}
function filled(days: number): [string, boolean] {
  if (days > FAR) return [t('disk.far', { n: FAR }), false]
  return days < 1 ? [t('disk.today'), true] : [tn('disk.full', Math.round(days)), days < 14]
}
function Disks({ values, full }: { values: Now; full: PageProps['full'] }) {
  const shares = [...(values.get('disk_used_percent') ?? [])].sort((a, b) => b.value - a.value)
  if (!shares.length) return null
  const of = (metric: string, mount: string | undefined) =>
    values.get(metric)?.find(({ labels }) => labels.mount === mount)
  return (
    <Card title={t('server.sectionDisks')}>
      <ul className="levels">
        {shares.map(({ labels, value }) => {
          const used = of('disk_used_bytes', labels.mount)
          const total = of('disk_total_bytes', labels.mount)?.value
          const [words, soon] = used && total ? pace(used, total, full?.[labels.mount ?? '']) : ['', false]
          return (
            <li key={labels.mount}>
              <div className="level-head num">
                <b>{labels.mount}</b>
                <span className={soon ? 'warn' : 'dim'}>{words}</span>
              </div>
              <meter min={0} max={100} low={80} high={90} optimum={0} value={value} aria-label={labels.mount ?? ''} />
              <p className="dim num">
                {used && total
                  ? t('disk.of', { share: share(value), used: bytes(used.value), total: bytes(total) })
                  : share(value)}
              </p>
            </li>
          )
        })}
      </ul>
    </Card>
  )
}
const one = (values: Now, metric: string): number | null => values.get(metric)?.[0]?.value ?? null

/** Updates, services and containers, each in a sentence; nothing is said of what is not measured. */
function State({ values }: { values: Now }) {
  const [updates, urgent] = [one(values, 'updates_pending'), one(values, 'updates_security')]
  const [running, ill] = [one(values, 'containers_running'), one(values, 'containers_unhealthy')]
  const [failed, stopped] = [one(values, 'services_failed'), one(values, 'containers_stopped')]
  const lines: Array<[string, boolean]> = []
  if (updates !== null) lines.push([updates ? tn('state.updates', updates) : t('state.noUpdates'), false])
  if (urgent) lines.push([tn('state.security', urgent), true])
  if (one(values, 'reboot_required')) lines.push([t('state.reboot'), true])
  if (failed !== null) lines.push([failed ? tn('state.failed', failed) : t('state.noFailed'), failed > 0])
  if (running !== null) lines.push([tn('state.containers', running, { stopped: stopped ?? 0 }), false])
  if (ill) lines.push([tn('state.ill', ill), true])
  if (!lines.length) return null
  return (
    <Card title={t('server.sectionState')}>
      <ul className="lines">
        {lines.map(([text, bad]) => (
          <li key={text} className={bad ? 'warn' : ''}>
            <Shape s={bad ? 'warn' : 'ok'} size={9} /> {text}
          </li>
        ))}
      </ul>
    </Card>
  )
}
const TOP = ['top_process_cpu_percent', 'top_process_memory_bytes']
const SETTLE_MS = 250
const BACK = 180
const SHOWN = 8
interface Process {
  name: string
  cpu: number | null
  memory: number | null
}
/** What ran at a moment: the newest report of each process up to then, none older than a few reports. */
async function processes(id: string, at: number, signal: AbortSignal): Promise<Process[]> {
  const answer = await fetchPoints(id, TOP, [at - BACK, at], signal)
  const last = answer.t.length - 1
  const found = new Map<string, Process>()
  const newestAt = answer.t.findLastIndex((_, i) => answer.series.some(({ v }) => isReal(v[i])))
  for (const { metric, labels, v } of answer.series) {
    const i = v.findLastIndex(isReal)
    if (i < 0 || (newestAt >= 0 && i < newestAt - 1) || last < 0) continue
    const name = labels.process ?? ''
    const mine = found.get(name) ?? { name, cpu: null, memory: null }
    if (metric === TOP[0]) mine.cpu = v[i] ?? null
    else mine.memory = v[i] ?? null
    found.set(name, mine)
  }
  return [...found.values()].sort((a, b) => (b.cpu ?? 0) - (a.cpu ?? 0) || (b.memory ?? 0) - (a.memory ?? 0))
}
/** Top processes now, and where the cursor stands. */
function useProcesses({ id, sync, version }: Board): Top {
  const [list, setList] = useState<Process[] | null>(null)
  const [when, setWhen] = useState<number | null>(null)
  useEffect(() => {
    let stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let asked: number | null | undefined
    const ask = () => {
      const at = sync.hover ?? (sync.live ? null : sync.range[1])
      if (at === asked) return
      asked = at
      stop.abort()
      stop = new AbortController()
      const { signal } = stop
      processes(id, at ?? now(), signal).then(
        (found) => {
          setList(found)
          setWhen(at)
        },
        () => signal.aborted || setList((before) => before ?? []), // the last ones stay, with their time
      )
    }
    ask()
    const off = sync.on(
      () => undefined,
      () => {
        clearTimeout(timer)
        timer = setTimeout(ask, SETTLE_MS)
      },
    )
    const rest = whileSeen(() => {
      if (sync.hover === null && sync.live) {
        asked = undefined
        ask()
      }
    }, 15_000)
    return () => {
      off()
      clearTimeout(timer)
      rest()
      stop.abort()
    }
  }, [id, sync, version])
  return { list, when }
}
interface Top {
  list: Process[] | null
  when: number | null
}
function Processes({ list, when }: Top) {
  if (!list || (!list.length && when === null)) return null
  const busiest = Math.max(1, ...list.map(({ cpu }) => cpu ?? 0))
  return (
    <Card
      title={t('server.processes')}
      more={<span className="dim num">{when === null ? t('server.processesNow') : dayTime(when)}</span>}
    >
      {list.length ? (
        <table className="tops num">
          <thead>
            <tr>
              <th scope="col">{t('server.process')}</th>
              <th scope="col">{t('server.cpu')}</th>
              <th scope="col">{t('server.memory')}</th>
            </tr>
          </thead>
          <tbody>
            {list.slice(0, SHOWN).map(({ name, cpu, memory }) => (
              <tr key={name}>
                <th scope="row" title={name}>
                  {name}
                  <i style={{ width: `${Math.round((100 * (cpu ?? 0)) / busiest)}%` }} aria-hidden="true" />
                </th>
                <td>{cpu === null ? '–' : share(cpu)}</td>
                <td>{memory === null ? '–' : bytes(memory)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="hint pad">{t('server.noProcesses')}</p>
      )}
    </Card>
  )
}
const LISTED = 12

/** What happened on the machine in this time, as text: for the keyboard, and for who cannot see the marks. */
function Ledger({ board }: { board: Board }) {
  const { around, sync } = board
  const [all, setAll] = useState(false)
  if (!around) return null
  const marks = [...around.marks].reverse()
  const shown = all ? marks : marks.slice(0, LISTED)
  return (
    <Card title={t('server.ledger')}>
      {marks.length ? (
        <ul className="tl">
          {shown.map(({ at, kind, text }) => (
            <li key={`${at}${text}`}>
              <i className={`dot ${kind}`} aria-hidden="true" />
              <div>
                <button type="button" className="plain" onClick={() => sync.setHover(at)}>
                  {text}
                </button>
                <p className="dim num">
                  {dayTime(at)}
                  {known(`mark.${kind}`) && ` · ${t(`mark.${kind}` as Key)}`}
                </p>
              </div>
            </li>
          ))}
        </ul>
      ) : (
        <p className="hint pad">{t('server.noMarks')}</p>
      )}
      {marks.length > LISTED && (
        <button type="button" className="btn sm pad-l" onClick={() => setAll(!all)}>
          {all ? t('server.fewer') : t('server.entries', { n: marks.length })}
        </button>
      )}
    </Card>
  )
}
const FACTS_FIRST = ['os', 'system', 'host', 'cpu', 'memory']
const WORDED = [...FACTS_FIRST, 'agent', 'packages']
const UNFOLDED = 8

function Facts({ facts }: { facts: PageProps['facts'] }) {
  const sections = Object.entries(facts).sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b))
  return (
    <Card title={t('server.facts')}>
      {sections.length ? (
        sections.map(([section, pairs]) => <FactSet key={section} section={section} pairs={pairs} />)
      ) : (
        <p className="hint pad">{t('server.noFacts')}</p>
      )}
    </Card>
  )
}
/** Long lists, such as a hundred updates, are folded: the page is about numbers. */
function FactSet({ section, pairs }: { section: string; pairs: PageProps['facts'][string] }) {
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
  if (typeof value === 'boolean') return t(value ? 'server.yes' : 'server.no')
  if (typeof value === 'number' && key.endsWith('bytes')) return `${(value / 2 ** 30).toFixed(1)} GiB`
  return String(value)
}
