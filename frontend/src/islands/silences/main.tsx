import { useEffect, useState } from 'react'
import { Amount, Confirm, Days, Foot, Pick, Said, Text, TIMES, Tick, useSend, weekdays } from '../../alerting/form'
import { useSetup } from '../../alerting/page'
import type { SetupProps, Silence } from '../../alerting/types'
import { iso, moment, ownZone, safeZone, wall } from '../../alerting/zones'
import { dayHour, duration } from '../../format'
import { now } from '../../live/clock'
import { post } from '../../live/http'
import { Icon, mount, Segments, Status, useNow } from '../../ui/parts'
import { t, tn } from '../../words'
import { type Every, firstDate, fromRule, type Recurring, timeOf, toRule, usual } from './recur'

export interface SilencesProps extends SetupProps {
  silences: Silence[]
  rules: Array<{ id: string; name: string }>
  zones: string[]
  suggest: string[]
  start: { selector: string; rule: string }
}
interface Hit {
  servers: number
  checks?: number
  names?: string[]
  incidents?: Array<{ id: string; title: string }>
  notices?: number
  windows?: Array<[number, number]>
}
interface Draft {
  team: string
  selector: string
  rule: string
  often: 'once' | 'again'
  from: string
  until: string
  how: Recurring
  lasts: number
  ends: string
  zone: string
  reason: string
}
const PATH = '/api/v1/silences'
const HOUR = 3600
const SETTLE_MS = 500
const inBase = (local: string, zone: string) => {
  const at = moment(local, zone)
  return Number.isNaN(at) ? null : iso(at)
}
/** The body of the request; a recurring one starts at the first of its times. */
export function bodyOf(draft: Draft): Record<string, unknown> {
  const again = draft.often === 'again'
  const from = again ? firstDate(draft.from, draft.how) : draft.from
  const until = again ? (draft.ends ? `${draft.ends}T23:59` : '') : draft.until
  return {
    ...(draft.team ? { team: draft.team } : {}),
    selector: draft.selector.trim(),
    rule: draft.rule || null,
    starts_at: inBase(from, draft.zone),
    ends_at: until ? inBase(until, draft.zone) : null,
    rrule: again ? toRule(draft.how) : '',
    duration: again ? Math.round(draft.lasts) : null,
    zone: draft.zone,
    reason: draft.reason.trim(),
  }
}
function blank(page: SilencesProps): Draft {
  const zone = page.zones.includes(ownZone()) ? ownZone() : 'UTC'
  return {
    team: page.acts[0] ?? '',
    selector: page.start.selector,
    rule: page.start.rule,
    often: 'once',
    from: wall(now(), zone),
    until: wall(now() + 2 * HOUR, zone),
    how: usual,
    lasts: 2 * HOUR,
    ends: '',
    zone,
    reason: '',
  }
}
/** What it would hit, asked a moment after the last change. */
function useHit(draft: Draft): { hit: Hit | null; failure: string } {
  const [state, setState] = useState<{ hit: Hit | null; failure: string }>({ hit: null, failure: '' })
  const question = JSON.stringify({ ...bodyOf(draft), reason: draft.reason.trim() || '-' })
  useEffect(() => {
    const stop = new AbortController()
    const timer = setTimeout(() => {
      post<Hit>(`${PATH}/preview`, JSON.parse(question), stop.signal)
        .then((hit) => setState({ hit, failure: '' }))
        .catch((error: unknown) => {
          if (!stop.signal.aborted) setState({ hit: null, failure: error instanceof Error ? error.message : '' })
        })
    }, SETTLE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [question])
  return state
}
function Hits({ draft }: { draft: Draft }) {
  const { hit, failure } = useHit(draft)
  if (!hit) return <p className="hits mut wide">{failure || t('silence.asking')}</p>
  const { names = [], incidents = [], windows = [] } = hit
  // what begins later, or recurs, quiets an alert of now only inside one of its windows
  const at = now()
  const quiet = windows.some(([from, to]) => from <= at && at < to)
  return (
    <div className="hits wide" role="status">
      <p>
        <strong>
          {tn('silence.hits', hit.servers)} {hit.checks ? tn('silence.hitsChecks', hit.checks) : ''}
        </strong>{' '}
        {names.length > 0 && <span className="mut">{names.slice(0, 8).join(', ')}</span>}
      </p>
      <p>
        {hit.notices !== undefined && (hit.notices ? tn('silence.hitsWeek', hit.notices) : t('silence.heldNone'))}{' '}
        {incidents.length
          ? tn(quiet ? 'silence.hitsNow' : 'silence.hitsLater', incidents.length)
          : t('silence.hitsNone')}
      </p>
      {incidents.length > 0 && (
        <ul className="bullets">
          {incidents.slice(0, 5).map((one) => (
            <li key={one.id}>
              <a href={`/incidents/${one.id}/`}>{one.title}</a>
            </li>
          ))}
        </ul>
      )}
      {draft.often === 'again' && windows.length > 0 && (
        <p className="mut num">
          {t('silence.windows')}{' '}
          {windows
            .slice(0, 3)
            .map(([from]) => dayHour(from, safeZone(draft.zone)))
            .join(' · ')}
        </p>
      )}
    </div>
  )
}
function Again({ draft, set, fault }: { draft: Draft; set: (part: Partial<Draft>) => void; fault?: string }) {
  const { how } = draft
  const change = (part: Partial<Recurring>) => set({ how: { ...how, ...part } })
  const names = weekdays()
  return (
    <>
      <Pick
        label={t('silence.every')}
        value={how.every}
        fault={fault}
        options={(['day', 'week', 'month', 'nth'] as const).map((one) => [one, t(`silence.every.${one}`)] as const)}
        onChange={(every) => change({ every: every as Every })}
      />
      {how.every === 'week' && (
        <Days label={t('silence.onDays')} value={how.days} onChange={(days) => days.length && change({ days })} />
      )}
      {how.every === 'month' && (
        <Pick
          label={t('silence.date')}
          value={String(how.date)}
          options={Array.from({ length: 28 }, (_, i) => [String(i + 1), String(i + 1)] as const)}
          onChange={(date) => change({ date: Number(date) })}
        />
      )}
      {how.every === 'nth' && (
        <div className="pair">
          <Pick
            label={t('silence.nth')}
            value={String(how.nth)}
            options={([1, 2, 3, 4, -1] as const).map((n) => [String(n), t(`silence.nth.${n}`)] as const)}
            onChange={(nth) => change({ nth: Number(nth) })}
          />
          <Pick
            label={t('silence.day')}
            value={String(how.day)}
            options={names.map((name, i) => [String(i), name] as const)}
            onChange={(day) => change({ day: Number(day) })}
          />
        </div>
      )}
      <Amount
        label={t('silence.lasts')}
        value={draft.lasts}
        scales={TIMES.slice(1)}
        onChange={(lasts) => set({ lasts: lasts ?? 0 })}
      />
      <Text
        label={t('silence.first')}
        help={t('silence.firstHelp')}
        type="datetime-local"
        value={draft.from}
        onChange={(from) => set({ from })}
      />
      <Text
        label={t('silence.ends')}
        help={t('silence.endsHelp')}
        type="date"
        value={draft.ends}
        onChange={(ends) => set({ ends })}
      />
    </>
  )
}
export function Form({ page, onDone }: { page: SilencesProps; onDone: (made: boolean) => void }) {
  const { busy, faults, failure, run, box, setFaults } = useSend()
  const [sure, setSure] = useState(false)
  const [draft, setDraft] = useState(() => blank(page))
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }))
  const once = draft.often === 'once'
  const everything = !draft.selector.trim() && !draft.rule
  return (
    <form
      className="card two-up form"
      aria-label={t('silence.new')}
      ref={box}
      noValidate
      onSubmit={async (e) => {
        e.preventDefault()
        if (everything && !sure) setFaults({ selector: t('silence.allFault') })
        else if (await run(() => post(PATH, bodyOf(draft)))) onDone(true)
      }}
    >
      <Text
        label={t('silence.what')}
        help={t('silence.whatHelp')}
        value={draft.selector}
        fault={faults.selector}
        suggest={page.suggest}
        placeholder={t('rule.everyServer')}
        onChange={(selector) => set({ selector })}
      />
      <Pick
        label={t('silence.rule')}
        value={draft.rule}
        fault={faults.rule}
        options={[['', t('silence.anyRule')], ...page.rules.map((one) => [one.id, one.name] as const)]}
        onChange={(rule) => set({ rule })}
      />
      {everything && (
        <div className="ticks">
          <Tick
            label={t('silence.all', { team: draft.team })}
            help={t('silence.allHelp')}
            checked={sure}
            onChange={(yes) => {
              setSure(yes)
              setFaults({})
            }}
          />
        </div>
      )}
      {page.acts.length > 1 && (
        <Pick
          label={t('team')}
          value={draft.team}
          options={page.acts.map((one) => [one, one] as const)}
          onChange={(team) => set({ team })}
        />
      )}
      <div className="field">
        <span className="label">{t('silence.often')}</span>
        <Segments
          label={t('silence.often')}
          options={[
            [t('silence.once'), 'once'],
            [t('silence.again'), 'again'],
          ]}
          value={draft.often}
          onPick={(often) => set({ often })}
        />
      </div>
      {once ? (
        <>
          <Text
            label={t('silence.from')}
            type="datetime-local"
            value={draft.from}
            fault={faults.starts_at}
            onChange={(from) => set({ from })}
          />
          <Text
            label={t('silence.until')}
            type="datetime-local"
            value={draft.until}
            fault={faults.ends_at}
            onChange={(until) => set({ until })}
          />
        </>
      ) : (
        <Again draft={draft} set={set} fault={faults.rrule ?? faults.duration ?? faults.starts_at ?? faults.ends_at} />
      )}
      <Text
        label={t('silence.zone')}
        value={draft.zone}
        fault={faults.zone}
        suggest={page.zones}
        onChange={(zone) => set({ zone })}
      />
      <Text
        label={t('silence.reason')}
        help={t('silence.reasonHelp')}
        value={draft.reason}
        fault={faults.reason}
        required
        onChange={(reason) => set({ reason })}
      />
      <Hits draft={draft} />
      <Foot wide busy={busy} save={t('silence.make')} failure={failure} onCancel={() => onDone(false)} />
    </form>
  )
}
/** "every Sun at 02:30 for 2 h", or the times of one that holds once. */
export function whenOf(silence: Silence): string {
  const lasts = duration(silence.duration ?? 0)
  const starts = wall(silence.starts, safeZone(silence.zone))
  if (!silence.rrule)
    return silence.ends === null
      ? t('silence.openEnd', { from: dayHour(silence.starts) })
      : t('silence.fromTo', { from: dayHour(silence.starts), to: dayHour(silence.ends) })
  const time = timeOf(silence.rrule, starts)
  const how = time ? fromRule(silence.rrule, starts) : null
  if (!how) return t('silence.byRule', { rule: silence.rrule, lasts, zone: silence.zone })
  const names = weekdays()
  const days = {
    day: () => t('silence.every.day'),
    week: () => t('silence.said.week', { days: how.days.map((day) => names[day]).join(', ') }),
    month: () => t('silence.said.month', { n: how.date }),
    nth: () =>
      t('silence.said.nth', {
        nth: t(`silence.nth.${how.nth as 1}`).toLowerCase(),
        day: names[how.day] ?? '',
      }),
  }
  return t('silence.recurs', { days: days[how.every](), time, lasts, zone: silence.zone })
}
/** Whether it mutes now: what the hub said when the page was read, brought to this second. */
const isOn = ({ over, window }: Silence, at: number): boolean =>
  !over && window !== null && window[0] <= at && at < window[1]

function Row({ silence, page, at, again }: { silence: Silence; page: SilencesProps; at: number; again: () => void }) {
  const { busy, failure, run } = useSend()
  const end = async () => {
    if (await run(() => post(`${PATH}/${silence.id}/end`))) again()
  }
  const on = isOn(silence, at)
  const state = silence.over ? 'over' : on ? 'active' : silence.rrule ? 'recurring' : 'coming'
  const { window } = silence
  const tone = { over: 'off', recurring: 'info', coming: 'off', active: 'info' } as const
  return (
    <li className={`thing${silence.over ? ' still' : ''}`}>
      <div className="what">
        <span className="titled">
          <strong className="t">{silence.reason}</strong>
          <Status s={tone[state]}>{t(`silence.${state}`)}</Status>
        </span>
        <p className="d">
          {silence.selector ? <code>{silence.selector}</code> : t('rule.everyServer')}
          {silence.rule && ` · ${silence.rule}`}
        </p>
        <p className="d mut num">
          {whenOf(silence)}
          {on && window && ` · ${t('silence.left', { age: duration(window[1] - at) })}`}
          {state === 'recurring' &&
            window &&
            ` · ${t('silence.next', { time: dayHour(window[0], safeZone(silence.zone)), zone: safeZone(silence.zone) })}`}
          {silence.ended !== null && ` · ${t('silence.endedEarly', { time: dayHour(silence.ended) })}`}
          {silence.owner && ` · ${silence.owner}`} · {silence.team}
        </p>
        <Said failure={failure} />
      </div>
      {!silence.over && page.acts.includes(silence.team) && (
        <div className="a">
          <Confirm
            label={t('silence.end')}
            question={t('silence.endSure')}
            yes={t('silence.end')}
            busy={busy}
            onYes={() => void end()}
          />
        </div>
      )}
    </li>
  )
}
function Page({ first }: { first: SilencesProps }) {
  const [page, again] = useSetup(first)
  const [add, setAdd] = useState(Boolean(first.start.selector || first.start.rule))
  const at = useNow(1000)
  const standing = page.silences.filter((one) => !one.over)
  const over = page.silences.filter((one) => one.over)
  const active = standing.filter((one) => isOn(one, at)).length
  const may = page.acts.length > 0
  const list = (rows: Silence[], label: string) => (
    <ul className="card things" aria-label={label}>
      {rows.map((one) => (
        <Row key={one.id} silence={one} page={page} at={at} again={again} />
      ))}
    </ul>
  )
  return (
    <>
      <div className="hero">
        <div>
          <h1>{active ? tn('silences.active', active) : t('silences.none')}</h1>
          <p className="lede">{t('silences.lede')}</p>
        </div>
        <span className="sp" />
        {may && !add && (
          <button type="button" className="btn pri" onClick={() => setAdd(true)}>
            <Icon n="plus" s={16} />
            {t('silence.new')}
          </button>
        )}
      </div>
      {add && may && (
        <Form
          page={page}
          onDone={(made) => {
            setAdd(false)
            if (made) again()
          }}
        />
      )}
      {standing.length > 0
        ? list(standing, t('silences.standing'))
        : !add && (
            <div className="card empty">
              <h2>{t('silences.empty')}</h2>
              <p className="mut">{t(may ? 'silences.emptyLede' : 'silences.askOperator')}</p>
            </div>
          )}
      {over.length > 0 && (
        <>
          <h2 className="part">{t('silences.over')}</h2>
          {list(over, t('silences.over'))}
        </>
      )}
    </>
  )
}
mount<SilencesProps>('silences', (props) => <Page first={props} />)
