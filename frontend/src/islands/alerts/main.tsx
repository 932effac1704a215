import { useEffect, useMemo, useRef, useState } from 'react'
import { duration } from '../../format'
import type { AlertsProps, Incident, Message } from '../../types'
import { Acknowledge } from '../../ui/Acknowledge'
import { Icon, incidentTone, incidentWord, mount, Segments, Shape, Status, useNow } from '../../ui/parts'
import { count, t, tn } from '../../words'
import { byWeight, usePage, withIncident } from '../page'

type Tab = 'open' | 'resolved'
const fold = (state: AlertsProps, { data }: Message): AlertsProps => ({
  ...state,
  incidents: withIncident(state.incidents, data.incident as Incident),
})
export const matches = (incident: Incident, query: string): boolean =>
  `${incident.title} ${incident.server?.name ?? ''} ${incident.rule}`.toLowerCase().includes(query.trim().toLowerCase())

function Row({ incident, at, here }: { incident: Incident; at: number; here: boolean }) {
  const tone = incidentTone(incident)
  const over = incident.state === 'resolved'
  return (
    <li className={`alert${here ? ' here' : ''}`} data-incident={incident.id}>
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
          <span>{incident.rule}</span>
          {incident.until === null ? (
            <span>{t('incident.since', { age: duration(at - incident.since) })}</span>
          ) : (
            <span>
              {t('incident.ended', { age: duration(at - incident.until) })},{' '}
              {t('incident.lasted', { age: duration(incident.until - incident.since) })}
            </span>
          )}
        </p>
      </div>
      <div className="a">
        {incident.state === 'open' ? (
          <Acknowledge incident={incident} />
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
      else if (e.key === 'a') row?.querySelector<HTMLButtonElement>('.ack button')?.click()
      else if (e.key === 'Enter' && target === document.body) row?.querySelector<HTMLAnchorElement>('a.t')?.click()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])
  return latest.current.at
}
function Alerts({ first }: { first: AlertsProps }) {
  const [{ incidents }] = usePage(first, fold)
  const at = useNow()
  const [tab, setTab] = useState<Tab>('open')
  const [query, setQuery] = useState('')
  const open = useMemo(() => incidents.filter((one) => one.state !== 'resolved').sort(byWeight), [incidents])
  const resolved = useMemo(
    () => incidents.filter((one) => one.state === 'resolved').sort((a, b) => (b.until ?? 0) - (a.until ?? 0)),
    [incidents],
  )
  const whole = tab === 'open' ? open : resolved
  const list = whole.filter((incident) => matches(incident, query))
  const here = useKeys(list)
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
            options={[
              [`${t('alerts.tabOpen')} ${count(open.length)}`, 'open'],
              [`${t('alerts.tabResolved')} ${count(resolved.length)}`, 'resolved'],
            ]}
            value={tab}
            onPick={setTab}
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
        {list.length ? (
          <ul className="alerts">
            {list.map((incident, i) => (
              <Row key={incident.id} incident={incident} at={at} here={i === here} />
            ))}
          </ul>
        ) : (
          <div className="calm">
            {whole.length ? (
              <p>{t('alerts.noMatch')}</p>
            ) : tab === 'open' ? (
              <>
                <span className="ok">
                  <Icon n="check" s={22} />
                </span>
                <strong>{t('alerts.emptyOpen')}</strong>
                <p>{t('alerts.emptyOpenLede')}</p>
              </>
            ) : (
              <p>{t('alerts.emptyResolved')}</p>
            )}
          </div>
        )}
        {list.length > 1 && <p className="dim keys hide">{t('alerts.keys')}</p>}
      </section>
    </>
  )
}
mount<AlertsProps>('alerts', (props) => <Alerts first={props} />)
