// The form of a schedule: its layers of turns, and how they are said.
import { useState } from 'react'
import { Days, Foot, Pick, Text, Tick, useSend, weekdays } from '../../alerting/form'
import type { Rotation, Schedule } from '../../alerting/types'
import { ownZone, wall } from '../../alerting/zones'
import { duration } from '../../format'
import { now } from '../../live/clock'
import { send } from '../../live/http'
import { t } from '../../words'
import { choicesOf } from './Chains'
import type { OnCallProps } from './main'
import { NameAndTeam } from './NameAndTeam'

const PATH = '/api/v1/schedules'
const rotation = (people: string[], zone: string): Rotation => ({
  people,
  days: 7,
  starts_on: wall(now(), zone).slice(0, 10),
  ends_on: null,
  hand_over: '09:00',
  hours_from: null,
  hours_until: null,
  weekdays: [],
})
function Turns({
  value,
  place,
  people,
  set,
  onRemove,
}: {
  value: Rotation
  place: number
  people: ReadonlyArray<readonly [string, string]>
  set: (value: Rotation) => void
  onRemove: () => void
}) {
  const change = (part: Partial<Rotation>) => set({ ...value, ...part })
  const name = (id: string) => people.find(([one]) => one === id)?.[1] ?? t('rule.gone')
  const free = people.filter(([id]) => !value.people.includes(id))
  const limited = value.hours_from !== null || value.weekdays.length > 0
  const move = (i: number) => {
    const next = [...value.people]
    const [one] = next.splice(i, 1)
    if (one) next.splice(i - 1, 0, one)
    change({ people: next })
  }
  return (
    <fieldset className="turns">
      <legend>{t('oncall.layer', { n: place + 1 })}</legend>
      <ol className="chips">
        {value.people.map((id, i) => (
          <li className="chip" key={id}>
            {i > 0 && (
              <button
                type="button"
                className="flip"
                aria-label={t('oncall.earlier', { name: name(id) })}
                onClick={() => move(i)}
              >
                ←
              </button>
            )}
            {name(id)}
            <button
              type="button"
              className="x"
              aria-label={t('form.removeOf', { name: name(id) })}
              onClick={() => change({ people: value.people.filter((one) => one !== id) })}
            >
              ×
            </button>
          </li>
        ))}
      </ol>
      <div className="two-up flat">
        <Pick
          label={t('oncall.addPerson')}
          value=""
          options={[['', free.length ? t('oncall.choose') : t('oncall.all')], ...free]}
          onChange={(id) => id && change({ people: [...value.people, id] })}
        />
        <Pick
          label={t('oncall.days')}
          value={String(value.days)}
          options={[
            ['1', t('oncall.day')],
            ['7', t('oncall.week')],
            ['14', t('oncall.weeks')],
            ...(['1', '7', '14'].includes(String(value.days))
              ? []
              : [[String(value.days), `${value.days} d`] as const]),
          ]}
          onChange={(days) => change({ days: Number(days) })}
        />
        <Text
          label={t('oncall.start')}
          type="date"
          value={value.starts_on}
          onChange={(starts_on) => change({ starts_on })}
        />
        <Text
          label={t('oncall.handOver')}
          type="time"
          value={value.hand_over}
          onChange={(hand_over) => change({ hand_over })}
        />
        <Tick
          label={t('oncall.limited')}
          checked={limited}
          onChange={(on) =>
            change(
              on
                ? { hours_from: '09:00', hours_until: '17:00', weekdays: [0, 1, 2, 3, 4] }
                : { hours_from: null, hours_until: null, weekdays: [] },
            )
          }
        />
        {limited && (
          <>
            <Days label={t('oncall.weekdays')} value={value.weekdays} onChange={(weekdays) => change({ weekdays })} />
            <Text
              label={t('oncall.hoursFrom')}
              type="time"
              value={value.hours_from ?? ''}
              onChange={(time) => change({ hours_from: time || null })}
            />
            <Text
              label={t('oncall.hoursUntil')}
              type="time"
              value={value.hours_until ?? ''}
              onChange={(time) => change({ hours_until: time || null })}
            />
          </>
        )}
      </div>
      <button type="button" className="btn sm" onClick={onRemove}>
        {t('oncall.removeLayer')}
      </button>
    </fieldset>
  )
}
export function ScheduleForm({
  schedule,
  page,
  onDone,
}: {
  schedule: Schedule | null
  page: OnCallProps
  onDone: () => void
}) {
  const { busy, faults, failure, run, box } = useSend()
  const own = page.zones.includes(ownZone()) ? ownZone() : 'UTC'
  const [name, setName] = useState(schedule?.name ?? '')
  const [team, setTeam] = useState(schedule?.team ?? page.manages[0] ?? '')
  const [zone, setZone] = useState(schedule?.zone ?? own)
  const [fallback, setFallback] = useState(schedule?.fallback ?? '')
  const people = choicesOf(page, team).people
  const [turns, setTurns] = useState<Rotation[]>(() => schedule?.rotations ?? [rotation([page.me], own)])
  const save = async () => {
    const body = { name: name.trim(), zone, fallback: fallback || null, rotations: turns }
    const ok = await run(() =>
      schedule ? send('PATCH', `${PATH}/${schedule.id}`, body) : send('POST', PATH, { team, ...body }),
    )
    if (ok) onDone()
  }
  const remove = async () => {
    if (await run(() => send('DELETE', `${PATH}/${schedule?.id}`))) onDone()
  }
  const fault = Object.entries(faults).find(([field]) => field.startsWith('rotations'))?.[1]
  return (
    <form
      className="card form"
      aria-label={schedule ? t('oncall.editOf', { name: schedule.name }) : t('oncall.new')}
      ref={box}
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        void save()
      }}
    >
      <div className="two-up">
        <NameAndTeam
          label={t('oncall.name')}
          name={name}
          fault={faults.name}
          teams={schedule ? [] : page.manages}
          team={team}
          setName={setName}
          setTeam={setTeam}
        />
        <Text label={t('silence.zone')} value={zone} suggest={page.zones} fault={faults.zone} onChange={setZone} />
        <Pick
          label={t('oncall.fallback')}
          help={t('oncall.fallbackHelp')}
          value={fallback}
          fault={faults.fallback}
          options={[['', t('channel.noFallback')], ...people]}
          onChange={setFallback}
        />
      </div>
      {turns.map((one, i) => (
        <Turns
          key={i}
          value={one}
          place={i}
          people={people}
          set={(next) => setTurns(turns.map((old, k) => (k === i ? next : old)))}
          onRemove={() => setTurns(turns.filter((_, k) => k !== i))}
        />
      ))}
      {fault && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
      <p>
        <button type="button" className="btn sm" onClick={() => setTurns([...turns, rotation([], zone)])}>
          {t('oncall.addLayer')}
        </button>
      </p>
      <Foot
        busy={busy}
        save={t(schedule ? 'form.save' : 'oncall.make')}
        failure={fault ? '' : failure}
        remove={
          schedule
            ? {
                label: t('oncall.delete'),
                question: t('channel.deleteSure', { name: schedule.name }),
                onYes: () => void remove(),
              }
            : undefined
        }
        onCancel={onDone}
      />
    </form>
  )
}
/** "Mon–Fri", "Sat, Sun"; nothing where it is every day. */
function daysWords(days: number[]): string {
  if (!days.length || days.length === 7) return ''
  const names = weekdays()
  const sorted = [...days].sort((a, b) => a - b)
  const [first = 0, last = 0] = [sorted[0], sorted[sorted.length - 1]]
  if (sorted.length > 2 && last - first === sorted.length - 1) return `${names[first]}–${names[last]}`
  return sorted.map((one) => names[one]).join(', ')
}
/** "Anna, Bo: a week each, handed over at 09:00; Mon–Fri 09:00–17:00". */
export function turnsWords(one: Rotation, name: (id: string) => string): string {
  const each = one.days === 7 ? t('oncall.week') : one.days === 1 ? t('oncall.day') : duration(one.days * 86400)
  const hours = one.hours_from ? `${one.hours_from}–${one.hours_until ?? ''}` : ''
  const limits = [daysWords(one.weekdays), hours].filter(Boolean).join(' ')
  return (
    t('oncall.turn', { people: one.people.map(name).join(', '), each: each.toLowerCase(), at: one.hand_over }) +
    (limits && `; ${limits}`)
  )
}
