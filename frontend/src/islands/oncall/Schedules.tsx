// Schedules: who is on call when, who takes a time over, and where nobody would be.
import { useCallback, useEffect, useRef, useState } from 'react'
import { Pick, Said, Text, useSend } from '../../alerting/form'
import type { Schedule } from '../../alerting/types'
import { iso, moment, safeZone, wall } from '../../alerting/zones'
import { whileSeen } from '../../awake'
import { dayHour } from '../../format'
import { now } from '../../live/clock'
import { getJson, post, send } from '../../live/http'
import { Shape, useNow } from '../../ui/parts'
import { t } from '../../words'
import { Calendar } from './Calendar'
import { choicesOf } from './Chains'
import type { OnCallProps } from './main'
import { ScheduleForm, turnsWords } from './ScheduleForm'

const PATH = '/api/v1/schedules'
interface Turn {
  user: string | null
  name: string
  start: number
  end: number
}
interface NowOf {
  people: Array<{ id: string; name: string }>
  fallback?: boolean
  until: number | null
  gaps: Array<[number, number]>
  warnings?: string[]
}
function useDuty(schedule: Schedule): { now: NowOf | null; shifts: Turn[]; failure: string } {
  const [state, setState] = useState<{ now: NowOf | null; shifts: Turn[]; failure: string }>({
    now: null,
    shifts: [],
    failure: '',
  })
  const key = JSON.stringify(schedule)
  const load = useCallback(async () => {
    void key // another plan is another question
    try {
      const found = await getJson<NowOf>(`${PATH}/${schedule.id}/now`)
      const shifts = await getJson<Turn[]>(`${PATH}/${schedule.id}/shifts`).catch(() => [])
      setState({ now: found, shifts, failure: '' })
    } catch (error) {
      setState({ now: null, shifts: [], failure: error instanceof Error ? error.message : '' })
    }
  }, [schedule.id, key])
  useEffect(() => {
    void load()
    return whileSeen(() => void load(), 60_000)
  }, [load])
  return state
}
/** Who has it now, loud; who comes next; and where nobody would be. */
function Duty({ schedule, me }: { schedule: Schedule; me: string }) {
  const { now: found, shifts, failure } = useDuty(schedule)
  const at = useNow(10_000)
  const when = (time: number) => dayHour(time, safeZone(schedule.zone))
  if (failure) return <p className="crit">{failure}</p>
  if (!found) return <p className="dim">{t('oncall.asking')}</p>
  const names = found.people.map((one) => (one.id === me ? t('oncall.you', { name: one.name }) : one.name)).join(', ')
  const coming = shifts.filter((one) => one.start > at + 60).slice(0, 3)
  const mine = shifts.filter((one) => one.user === me && one.end > at).slice(0, 3)
  const gap = found.gaps[0]
  const warnings = found.warnings?.length
    ? found.warnings
    : gap
      ? [t('oncall.gap', { from: when(gap[0]), to: when(gap[1]) })]
      : []
  return (
    <>
      <p className={`duty${names ? '' : ' nobody'}`}>
        <strong>{names || t('oncall.nobody')}</strong>
        {names && found.fallback && <span className="warn"> {t('oncall.asFallback')}</span>}
        {found.until !== null && <span className="mut num"> {t('oncall.until', { time: when(found.until) })}</span>}
      </p>
      {coming.length > 0 && (
        <p className="d mut num">
          {t('oncall.then')}{' '}
          {coming
            .map((one) => `${one.user ? one.name : t('oncall.nobody')} ${t('oncall.from', { time: when(one.start) })}`)
            .join(' · ')}
        </p>
      )}
      {mine.length > 0 && (
        <p className="d num">
          {t('oncall.mine')}{' '}
          {mine
            .map((one) =>
              // the plan is asked for from now: a turn that is under way began when it was handed over
              one.start <= at + 60
                ? t('oncall.nowUntil', { to: when(one.end) })
                : t('oncall.fromTo', { from: when(one.start), to: when(one.end) }),
            )
            .join(' · ')}
        </p>
      )}
      {warnings.map((one) => (
        <p className="gap warn" key={one}>
          <Shape s="warn" size={11} /> {one}
        </p>
      ))}
    </>
  )
}
function TakeOver({
  schedule,
  page,
  again,
  picked,
}: {
  schedule: Schedule
  page: OnCallProps
  again: () => void
  picked: [string, string] | null // a day of the calendar
}) {
  const place = useRef<HTMLDetailsElement>(null)
  const { busy, faults, failure, run, box } = useSend()
  const zone = safeZone(schedule.zone)
  const people = choicesOf(page, schedule.team).people
  const [user, setUser] = useState(page.me)
  const [from, setFrom] = useState(() => wall(now(), zone))
  const [until, setUntil] = useState(() => wall(now() + 8 * 3600, zone))
  useEffect(() => {
    if (!picked || !place.current) return
    setFrom(picked[0])
    setUntil(picked[1])
    place.current.open = true
    place.current.querySelector<HTMLElement>('form select')?.focus()
  }, [picked])
  const at = useNow(60_000)
  const mine = schedule.overrides.filter((one) => one.ends_at > at)
  const base = (local: string) => {
    const found = moment(local, zone)
    return Number.isNaN(found) ? null : iso(found)
  }
  const add = async () => {
    const body = { user, starts_at: base(from), ends_at: base(until) }
    if (await run(() => post(`${PATH}/${schedule.id}/overrides`, body))) again()
  }
  const drop = async (id: string) => {
    if (await run(() => send('DELETE', `${PATH}/${schedule.id}/overrides/${id}`))) again()
  }
  return (
    <details className="more-of" ref={place}>
      <summary>{t('oncall.takeOver')}</summary>
      <ul className="bullets">
        {mine.map((one) => (
          <li key={one.id} className="num">
            {t('oncall.override', {
              name: one.name,
              from: dayHour(one.starts_at, zone),
              to: dayHour(one.ends_at, zone),
            })}{' '}
            <button
              type="button"
              className="btn sm"
              disabled={busy}
              aria-label={t('oncall.dropOf', { name: one.name })}
              onClick={() => void drop(one.id)}
            >
              {t('oncall.drop')}
            </button>
          </li>
        ))}
      </ul>
      <form
        className="two-up flat"
        ref={box}
        noValidate
        onSubmit={(e) => {
          e.preventDefault()
          void add()
        }}
      >
        <Pick label={t('oncall.who')} value={user} options={people} fault={faults.user} onChange={setUser} />
        <Text
          label={t('silence.from')}
          type="datetime-local"
          value={from}
          fault={faults.starts_at}
          onChange={setFrom}
        />
        <Text
          label={t('silence.until')}
          type="datetime-local"
          value={until}
          fault={faults.ends_at}
          onChange={setUntil}
        />
        <div className="ctl">
          <button type="submit" className="btn" disabled={busy}>
            {t('oncall.take')}
          </button>
          <Said failure={failure} />
        </div>
      </form>
    </details>
  )
}
function Card({
  schedule: one,
  page,
  again,
  name,
  onEdit,
}: {
  schedule: Schedule
  page: OnCallProps
  again: () => void
  name: (id: string) => string
  onEdit: () => void
}) {
  const [picked, setPicked] = useState<[string, string] | null>(null)
  const acts = page.acts.includes(one.team)
  return (
    <article className="card thing">
      <div className="what">
        <h2 className="t">{one.name}</h2>
        <Duty schedule={one} me={page.me} />
        <Calendar schedule={one} me={page.me} may={acts} onPick={(from, until) => setPicked([from, until])} />
        {one.rotations.map((turn, i) => (
          <p className="d mut" key={i}>
            {turnsWords(turn, name)}
          </p>
        ))}
        <p className="d mut">
          {t('oncall.times', { zone: safeZone(one.zone) })} · {one.team}
        </p>
        {acts && <TakeOver schedule={one} page={page} again={again} picked={picked} />}
      </div>
      {page.manages.includes(one.team) && (
        <div className="a">
          <button type="button" className="btn sm" aria-label={t('oncall.editOf', { name: one.name })} onClick={onEdit}>
            {t('form.edit')}
          </button>
        </div>
      )}
    </article>
  )
}
export function Schedules({ page, again }: { page: OnCallProps; again: () => void }) {
  const [edit, setEdit] = useState<string | null>(null)
  const done = () => {
    setEdit(null)
    again()
  }
  const may = page.manages.length > 0
  const name = (id: string) => page.targets.find((one) => one.id === id)?.name ?? t('rule.gone')
  return (
    <section className="stack" aria-label={t('oncall.title')}>
      <div className="hero">
        <div>
          <h1>{t('oncall.title')}</h1>
          <p className="lede">{t('oncall.lede')}</p>
        </div>
        <span className="sp" />
        {may && edit !== 'new' && (
          <button type="button" className="btn pri" onClick={() => setEdit('new')}>
            {t('oncall.new')}
          </button>
        )}
      </div>
      {edit === 'new' && <ScheduleForm schedule={null} page={page} onDone={done} />}
      {page.schedules.length === 0 && edit !== 'new' && (
        <div className="card empty">
          <h2>{t('oncall.empty')}</h2>
          <p className="mut">{t(may ? 'oncall.emptyLede' : 'oncall.askAdmin')}</p>
        </div>
      )}
      {page.schedules.map((one) =>
        edit === one.id ? (
          <ScheduleForm key={one.id} schedule={one} page={page} onDone={done} />
        ) : (
          <Card key={one.id} schedule={one} page={page} again={again} name={name} onEdit={() => setEdit(one.id)} />
        ),
      )}
    </section>
  )
}
