import { useEffect, useMemo, useRef, useState } from 'react'
import { Said } from '../../alerting/form'
import { Hush } from '../../alerting/Hush'
import { duration } from '../../format'
import type { AlertsProps, Incident, Message } from '../../types'
import { Acknowledge, acknowledge } from '../../ui/Acknowledge'
import { Icon, incidentTone, incidentWord, mount, Segments, Shape, Status, useNow } from '../../ui/parts'
import { count, t, tn } from '../../words'
import { until } from '../incident/when'
import { byWeight, usePage, withIncident } from '../page'

type Tab = 'mine' | 'open' | 'taken' | 'resolved'
const TABS: Tab[] = ['mine', 'open', 'taken', 'resolved']
/** Which tabs an incident stands in. Mine is what I took, and what I was told of by name while nobody has it. */
export function tabsOf(incident: Incident, me: string | undefined, told: ReadonlySet<string>): Tab[] {
  if (incident.state === 'resolved') return ['resolved']
  const mine = incident.state === 'acknowledged' ? incident.owner_id === me : told.has(incident.id)
  const place: Tab = incident.state === 'acknowledged' || incident.held ? 'taken' : 'open'
  return mine ? ['mine', place] : [place]
}
const fold = (state: AlertsProps, { data }: Message): AlertsProps => ({
  ...state,
  incidents: withIncident(state.incidents, data.incident as Incident),
})
export const matches = (incident: Incident, query: string): boolean =>
  `${incident.title} ${incident.server?.name ?? ''} ${incident.rule}`.toLowerCase().includes(query.trim().toLowerCase())

interface Picking {
  picked: boolean
  onPick: (id: string) => void
  may: boolean
}
function Row({ incident, at, here, picked, onPick, may }: { incident: Incident; at: number; here: boolean } & Picking) {
  const tone = incidentTone(incident)
  const over = incident.state === 'resolved'
  const { next, members = 0 } = incident
  return (
    <li className={`alert${here ? ' here' : ''}${may && !over ? ' pickable' : ''}`} data-incident={incident.id}>
      {may && !over && (
        <input
          type="checkbox"
          className="pick"
          aria-label={t('inbox.pick', { title: incident.title })}
          checked={picked}
          onChange={() => onPick(incident.id)}
        />
      )}
      <span className={`sign ${tone}`}>
        <Shape s={tone} size={12} />
        <span className="sr">{over ? t('incident.resolved') : t(`severity.${incident.severity}`)}</span>
      </span>
      <div className="what">
        <a className="t" href={incident.url}>
          {incident.title}
        </a>
        <p className="d num">
          {incident.server && <a href={incident.server.url}>{incident.server.name}</a>}
          {incident.rule && <span>{incident.rule}</span>}
          {members > 1 && <span>{tn('inbox.members', members)}</span>}
          {incident.until === null ? (
            <span>{t('incident.since', { age: duration(at - incident.since) })}</span>
          ) : (
            <span>
              {t('incident.ended', { age: duration(at - incident.until) })},{' '}
              {t('incident.lasted', { age: duration(incident.until - incident.since) })}
            </span>
          )}
          {next && incident.state === 'open' && (
            <span className="warn">
              {t(`step.${next.kind}` as 'step.team')} {until(next.at, at)}
            </span>
          )}
          {incident.held && <span className="info">{t('inbox.held', { why: incident.held })}</span>}
        </p>
      </div>
      <div className="a">
        {incident.state === 'open' ? (
          may ? (
            <Acknowledge incident={incident} />
          ) : (
            <Status s={tone}>{incidentWord(incident)}</Status>
          )
        ) : (
          <Status s={over ? 'ok' : 'info'}>{incidentWord(incident)}</Status>
        )}
      </div>
    </li>
  )
}
function heading(open: Incident[], resolved: Incident[], at: number): { head: string; lede: string } {
  if (open.length) {
    const free = open.filter((incident) => incident.state === 'open').length
    const lede = free ? t('alerts.unowned', { n: count(free) }) : t('alerts.owned')
    return { head: tn('alerts.open', open.length), lede }
  }
  const last = Math.max(...resolved.map((incident) => incident.until ?? 0), 0)
  return { head: t('alerts.none'), lede: last ? t('alerts.last', { age: duration(at - last) }) : t('alerts.never') }
}
/** j and k move, Enter opens, a acknowledges; never while somebody types. */
function useKeys(list: Incident[]): number {
  const [at, setAt] = useState(-1)
  const latest = useRef({ list, at })
  latest.current = { list, at: Math.min(at, list.length - 1) }
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const target = e.target as HTMLElement
      if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return
      const now = latest.current
      const incident = now.list[now.at]
      const row = incident && document.querySelector<HTMLElement>(`[data-incident="${incident.id}"]`)
      if (e.key === 'j') setAt(Math.min(now.at + 1, now.list.length - 1))
      else if (e.key === 'k') setAt(Math.max(now.at - 1, 0))
      else if (e.key === 'x') row?.querySelector<HTMLInputElement>('.pick')?.click()
      else if (e.key === 'a') row?.querySelector<HTMLButtonElement>('.ack button')?.click()
      else if (e.key === 'Enter' && target === document.body) row?.querySelector<HTMLAnchorElement>('a.t')?.click()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])
  return latest.current.at
}
/** What is done with several at once. */
function Bulk({ chosen, onDone }: { chosen: Incident[]; onDone: () => void }) {
  const [hush, setHush] = useState(false)
  const [state, setState] = useState<{ busy: boolean; failure: string }>({ busy: false, failure: '' })
  const take = async () => {
    setState({ busy: true, failure: '' })
    try {
      for (const incident of chosen) if (incident.state === 'open') await acknowledge(incident)
      onDone()
      setState({ busy: false, failure: '' })
    } catch (error) {
      setState({ busy: false, failure: error instanceof Error ? error.message : '' })
    }
  }
  const servers = chosen.some((one) => one.server)
  return (
    <section className="bulk" aria-label={t('inbox.bulk')}>
      <div className="ctl">
        <strong role="status">{tn('inbox.picked', chosen.length)}</strong>
        <button type="button" className="btn pri" disabled={state.busy} onClick={() => void take()}>
          {t('take.acknowledge')}
        </button>
        {servers && (
          <button type="button" className="btn" aria-expanded={hush} onClick={() => setHush(!hush)}>
            {t('inbox.silence')}
          </button>
        )}
        <button type="button" className="btn ghost" onClick={onDone}>
          {t('inbox.none')}
        </button>
      </div>
      <Said failure={state.failure} />
      {hush && servers && <Hush incidents={chosen} onDone={onDone} />}
    </section>
  )
}
const EMPTY: Record<Exclude<Tab, 'open'>, 'inbox.emptyMine' | 'inbox.emptyTaken' | 'inbox.emptyResolved'> = {
  mine: 'inbox.emptyMine',
  taken: 'inbox.emptyTaken',
  resolved: 'inbox.emptyResolved',
}
function Empty({ tab, whole }: { tab: Tab; whole: number }) {
  if (whole) return <p>{t('alerts.noMatch')}</p>
  if (tab !== 'open') return <p>{t(EMPTY[tab])}</p>
  return (
    <>
      <span className="ok">
        <Icon n="check" s={22} />
      </span>
      <strong>{t('alerts.emptyOpen')}</strong>
      <p>{t('alerts.emptyOpenLede')}</p>
    </>
  )
}
/** Every incident in the tabs it belongs to, each tab in its order. */
function useTabs(incidents: Incident[], me: string | undefined, told: string[] | undefined): Record<Tab, Incident[]> {
  return useMemo(() => {
    const mine = new Set(told)
    const of = (tab: Tab) => incidents.filter((one) => tabsOf(one, me, mine).includes(tab))
    return {
      mine: of('mine').sort(byWeight),
      open: of('open').sort(byWeight),
      taken: of('taken').sort(byWeight),
      resolved: of('resolved').sort((a, b) => (b.until ?? 0) - (a.until ?? 0)),
    }
  }, [incidents, me, told])
}
const fromAddress = (): { tab: Tab; query: string } => {
  const asked = new URLSearchParams(location.search)
  const tab = TABS.find((one) => one === asked.get('tab')) ?? 'open'
  return { tab, query: asked.get('rule') ?? asked.get('q') ?? '' }
}
function Alerts({ first }: { first: AlertsProps }) {
  const [{ incidents, me, told, acts = [] }] = usePage(first, fold)
  const at = useNow()
  const [tab, setTab] = useState<Tab>(() => fromAddress().tab)
  const [query, setQuery] = useState(() => fromAddress().query)
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const tabs = useTabs(incidents, me, told)
  // what is taken here stays in sight, saying by whom, until one leaves the tab
  const seen = useRef(new Set<string>())
  for (const one of tabs.open) seen.current.add(one.id)
  const stays = tabs.taken.filter((one) => one.state === 'acknowledged' && seen.current.has(one.id))
  const whole = tab === 'open' ? [...tabs.open, ...stays] : tabs[tab]
  const list = whole.filter((incident) => matches(incident, query))
  const here = useKeys(list)
  const may = (one: Incident) => acts.includes(one.team ?? '')
  const chosen = list.filter((one) => picked.has(one.id) && one.state !== 'resolved')
  const pick = (id: string) =>
    setPicked((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]))
  const open = useMemo(() => incidents.filter((one) => one.state !== 'resolved'), [incidents])
  const resolved = tabs.resolved
  const { head, lede } = heading(open, resolved, at)
  return (
    <>
      <div>
        <h1>{head}</h1>
        <p className="lede num">{lede}</p>
      </div>
      <section className="card" aria-label={t('alerts.list')}>
        <div className="tools">
          <Segments
            label={t('alerts.tabs')}
            options={TABS.map((one) => [`${t(`inbox.${one}`)} ${count(tabs[one].length)}`, one] as const)}
            value={tab}
            onPick={(next) => {
              seen.current.clear()
              setTab(next)
              history.replaceState(null, '', next === 'open' ? location.pathname : `?tab=${next}`)
            }}
          />
          <span className="sp" />
          <input
            className="inp"
            type="search"
            placeholder={t('alerts.filter')}
            aria-label={t('alerts.filterLabel')}
            value={query}
            onChange={(e) => setQuery(e.target.value)}
          />
        </div>
        {chosen.length > 0 && <Bulk chosen={chosen} onDone={() => setPicked(new Set())} />}
        {list.length ? (
          <ul className="alerts">
            {list.map((incident, i) => (
              <Row
                key={incident.id}
                incident={incident}
                at={at}
                here={i === here}
                picked={picked.has(incident.id)}
                onPick={pick}
                may={may(incident)}
              />
            ))}
          </ul>
        ) : (
          <div className="calm">
            <Empty tab={tab} whole={whole.length} />
          </div>
        )}
        {list.length > 1 && <p className="dim keys hide">{t(acts.length ? 'inbox.keys' : 'inbox.keysLook')}</p>}
      </section>
    </>
  )
}
mount<AlertsProps>('alerts', (props) => <Alerts first={props} />)
