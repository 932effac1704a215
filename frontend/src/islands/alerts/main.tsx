import { type ComponentType, lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react'
import { begin, HOURS, resolve, snooze, take } from '../../alerting/doing'
import { Hush } from '../../alerting/Hush'
import { whileSeen } from '../../awake'
import { duration } from '../../format'
import { on } from '../../keys'
import { getJson } from '../../live/http'
import type { AlertsProps, Incident, Message } from '../../types'
import { Icon, mount, Segments, Skeleton, useNow } from '../../ui/parts'
import { count, t, tn } from '../../words'
import { usePage, withIncident } from '../page'
import { type Cause, causes, matches, type Reader, snoozed, TABS, type Tab } from './model'
import type { PaneProps } from './Pane'
import { Row } from './Row'
import '../../design/alerts.css'
import './inbox.css'

const WIDE = '(min-width: 1180px)'
const SPARKS = 40
const RENEW_MS = 10_000
const DRAWN_EVERY = 6 // times that the values are renewed
const Pane = lazy(() => import('./Pane')) as ComponentType<PaneProps>

const fold = (state: AlertsProps, { data }: Message): AlertsProps => ({
  ...state,
  incidents: withIncident(state.incidents, data.incident as Incident),
})
export function heading(open: Incident[], resolved: Incident[], at: number): { head: string; lede: string } {
  const loud = open.filter((one) => !snoozed(one))
  const explained = open.filter((one) => one.held).length
  const quiet = open.length - loud.length
  const snoozing = quiet - explained
  const also =
    (explained ? ` ${tn('inbox.alsoExplained', explained)}` : '') +
    (snoozing ? ` ${tn('inbox.alsoQuiet', snoozing)}` : '')
  if (loud.length) {
    const free = loud.filter((one) => one.state === 'open').length
    return {
      head: tn('alerts.open', loud.length),
      lede: (free ? t('alerts.unowned', { n: count(free) }) : t('alerts.owned')) + also,
    }
  }
  if (quiet) return { head: t('inbox.allQuiet'), lede: also.trim() }
  const last = Math.max(...resolved.map((incident) => incident.until ?? 0), 0)
  return { head: t('alerts.none'), lede: last ? t('alerts.last', { age: duration(at - last) }) : t('alerts.never') }
}
function useWide(): boolean {
  const query = useMemo(() => matchMedia(WIDE), [])
  const [wide, setWide] = useState(query.matches)
  useEffect(() => {
    const changed = () => setWide(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [query])
  return wide
}
interface Measured {
  lines: ReadonlyMap<string, Float64Array>
  newest: Readonly<Record<string, number | null>>
  asked: string // ids; a value of any other would stay as it was when the page was made
}
/** The newest value of what broke each rule and its last hour, asked for once for all in sight; a phone draws no lines. */
function useMeasured(list: Cause[], wide: boolean): Measured {
  const [found, setFound] = useState<Omit<Measured, 'asked'>>({ lines: new Map(), newest: {} })
  const ids = list
    .filter(({ incident }) => incident.state !== 'resolved')
    .slice(0, SPARKS)
    .map(({ incident }) => incident.id)
    .join()
  useEffect(() => {
    if (!ids) return
    const stop = new AbortController()
    const load = (lines: boolean) =>
      getJson<{ lines: Record<string, Array<number | null>>; newest: Measured['newest'] }>(
        `/alerts/sparks/?ids=${ids}${lines ? '' : '&lines=no'}`,
        stop.signal,
      )
        .then((answer) => {
          const drawn = Object.entries(answer.lines)
          setFound((before) => ({
            newest: answer.newest,
            lines: lines
              ? new Map(drawn.map(([id, v]) => [id, Float64Array.from(v, (one) => one ?? Number.NaN)]))
              : before.lines,
          }))
        })
        // what cannot be renewed is not shown as if it were new
        .catch(() => {
          const none = Object.fromEntries(ids.split(',').map((id) => [id, null]))
          if (!stop.signal.aborted) setFound(({ lines }) => ({ lines, newest: none }))
        })
    let turn = 0
    const next = () => void load(wide && turn++ % DRAWN_EVERY === 0)
    next()
    const rest = whileSeen(next, RENEW_MS)
    return () => {
      stop.abort()
      rest()
    }
  }, [ids, wide])
  return { ...found, asked: ids }
}
interface Hands {
  list: Incident[]
  chosen: Incident[]
  may: (one: Incident) => boolean
  pick: (id: string) => void
  none: () => void
}
/** j and k move, Enter opens, a takes, s puts off, r ends, x selects; with several selected, all of them at once. */
function useKeys(hands: Hands, at: string, go: (id: string) => void): void {
  const latest = useRef({ hands, at })
  latest.current = { hands, at }
  useEffect(() => {
    const here = () => latest.current.hands.list.find((one) => one.id === latest.current.at)
    const meant = (): Incident[] => {
      const { chosen, may } = latest.current.hands
      const one = here()
      return (chosen.length ? chosen : one ? [one] : []).filter((some) => may(some) && some.state !== 'resolved')
    }
    const step = (by: number) => {
      const { list } = latest.current.hands
      const place = list.findIndex((one) => one.id === latest.current.at)
      const next = list[Math.max(0, Math.min(list.length - 1, place < 0 ? 0 : place + by))]
      if (!next) return
      go(next.id)
      document.querySelector<HTMLElement>(`[data-incident="${next.id}"] a.t`)?.focus()
    }
    const offs = [
      on('j', () => step(1), t('key.down')),
      on('k', () => step(-1), t('key.up')),
      on('Enter', () => location.assign(here()?.url ?? location.href), t('key.open')),
      on('a', () => void take(meant().filter((one) => one.state === 'open')), t('take.acknowledge')),
      on('s', () => meant().length && void snooze(meant(), 1), t('key.snooze')),
      on('r', () => resolve(meant()), t('take.resolve')),
      on('x', () => latest.current.at && latest.current.hands.pick(latest.current.at), t('key.select')),
      on('Escape', () => latest.current.hands.none(), t('inbox.none')),
    ]
    return () => {
      for (const off of offs) off()
    }
  }, [go])
}
/** What is done with several at once: no question before, ten seconds to take it back after. */
function Bulk({ chosen, onDone }: { chosen: Incident[]; onDone: () => void }) {
  const [hush, setHush] = useState(false)
  const servers = chosen.some((one) => one.server)
  const free = chosen.filter((one) => one.state === 'open')
  const then = (act: unknown) => {
    void act
    onDone()
  }
  return (
    <section className="bulk" aria-label={t('inbox.bulk')}>
      <div className="ctl">
        <strong role="status">{tn('inbox.picked', chosen.length)}</strong>
        <button type="button" className="btn pri" disabled={!free.length} onClick={() => then(take(free))}>
          {t('take.acknowledge')}
        </button>
        <select
          className="inp short"
          aria-label={t('inbox.snooze')}
          value=""
          onChange={(e) => then(snooze(chosen, Number(e.target.value)))}
        >
          <option value="">{t('inbox.snooze')}</option>
          {HOURS.map((hours) => (
            <option key={hours} value={hours}>
              {t(`snooze.${hours}`)}
            </option>
          ))}
        </select>
        <button type="button" className="btn" onClick={() => then(resolve(chosen))}>
          {t('take.resolve')}
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
      {hush && servers && <Hush incidents={chosen} onDone={onDone} />}
    </section>
  )
}
const EMPTY = {
  mine: 'inbox.emptyMine',
  snoozed: 'inbox.emptySnoozed',
  resolved: 'inbox.emptyResolved',
} as const
function Nothing({ tab, filtered, other }: { tab: Tab; filtered: boolean; other: number }) {
  if (filtered) return <p>{t('alerts.noMatch')}</p>
  if (tab === 'mine' || tab === 'snoozed' || tab === 'resolved') return <p>{t(EMPTY[tab])}</p>
  if (other) return <p>{tn('inbox.emptyTeam', other)}</p>
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
const fromAddress = (first: Tab): { tab: Tab; query: string } => {
  const asked = new URLSearchParams(location.search)
  const tab = TABS.find((one) => one === asked.get('tab')) ?? first
  return { tab, query: asked.get('rule') ?? asked.get('q') ?? '' }
}
function Alerts({ first }: { first: AlertsProps }) {
  const [{ incidents, me, told, acts = [], teams = [] }] = usePage(first, fold)
  const at = useNow()
  // whoever belongs to no team, such as an owner of the site, looks at everything
  const usual: Tab = teams.length ? 'team' : 'all'
  const [tab, setTab] = useState<Tab>(() => fromAddress(usual).tab)
  const [query, setQuery] = useState(() => fromAddress(usual).query)
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const [here, setHere] = useState('')
  const wide = useWide()
  const tabs = useMemo(() => {
    const reader: Reader = { me, told: new Set(told), teams }
    return causes(incidents, reader)
  }, [incidents, me, told, teams])
  const list = tabs[tab].filter(({ incident, under }) => [incident, ...under].some((one) => matches(one, query)))
  const may = (one: Incident) => acts.includes(one.team ?? '')
  const rows = list.map(({ incident }) => incident)
  const chosen = rows.filter((one) => picked.has(one.id) && one.state !== 'resolved')
  const pick = (id: string) =>
    setPicked((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]))
  const none = () => setPicked(new Set())
  const shownId = rows.some((one) => one.id === here) ? here : wide ? (rows[0]?.id ?? '') : ''
  useKeys({ list: rows, chosen, may, pick, none }, shownId, setHere)
  const { lines, newest, asked } = useMeasured(list, matchMedia('(min-width: 820px)').matches)
  const open = useMemo(() => incidents.filter((one) => one.state !== 'resolved'), [incidents])
  const { head, lede } = heading(open, incidents, at)
  const shown = rows.find((one) => one.id === shownId)
  return (
    <>
      <div>
        <h1>{head}</h1>
        <p className="lede num">{lede}</p>
      </div>
      <div className={wide && shown ? 'inbox with-pane' : 'inbox'}>
        <section className="card" aria-label={t('alerts.list')}>
          <div className="tools">
            <Segments
              label={t('alerts.tabs')}
              options={TABS.map(
                (one) =>
                  [
                    tabs[one].length ? `${t(`inbox.${one}`)} ${count(tabs[one].length)}` : t(`inbox.${one}`),
                    one,
                  ] as const,
              )}
              value={tab}
              onPick={(next) => {
                setTab(next)
                none()
                history.replaceState(null, '', next === usual ? location.pathname : `?tab=${next}`)
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
          {chosen.length > 0 && <Bulk chosen={chosen} onDone={none} />}
          {list.length ? (
            <ul className="alerts">
              {list.map((cause) => (
                <Row
                  key={cause.incident.id}
                  cause={cause}
                  at={at}
                  here={cause.incident.id === shownId}
                  picked={picked.has(cause.incident.id)}
                  may={may(cause.incident)}
                  line={lines.get(cause.incident.id)}
                  newest={asked.includes(cause.incident.id) ? newest[cause.incident.id] : null}
                  doing={{ take: (one) => void take([one]), pick, show: setHere }}
                />
              ))}
            </ul>
          ) : (
            <div className="calm">
              <Nothing tab={tab} filtered={tabs[tab].length > 0} other={tab === 'team' ? tabs.all.length : 0} />
            </div>
          )}
          {list.length > 0 && <p className="dim keys hide">{t(acts.length ? 'inbox.keys' : 'inbox.keysLook')}</p>}
        </section>
        {wide && shown && (
          <Suspense fallback={<Skeleton height={520} />}>
            <Pane key={shown.id} incident={shown} may={may(shown)} at={at} />
          </Suspense>
        )}
      </div>
    </>
  )
}
mount<AlertsProps>('alerts', (props) => {
  begin(props.me ?? '')
  return <Alerts first={props} />
})
