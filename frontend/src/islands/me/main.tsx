import { useCallback, useEffect, useState } from 'react'
import { Amount, Days, Foot, Pick, Said, Text, TIMES, Tick, useSend } from '../../alerting/form'
import { type Config, ConfigFields, configOf, said, type Tested, useKinds } from '../../alerting/kinds'
import { Lost } from '../../alerting/Lost'
import type { Channel, Preference, SetupProps, Way } from '../../alerting/types'
import { ownZone } from '../../alerting/zones'
import { duration } from '../../format'
import { getJson, post, send } from '../../live/http'
import { mount, Shape, Status } from '../../ui/parts'
import { t } from '../../words'
import { Push } from './Push'

interface MeProps extends SetupProps {
  preference: Preference
  ways: Way[]
  channels: Channel[]
  languages: Array<[string, string]>
  zones: string[]
  email: string
  mails: boolean // a mail server is set
}
interface Known extends Way {
  id: string
  name?: string
  over?: string
  to?: string
}
const PATH = '/api/v1/ways'
/** What one may add with an address alone or a few fields; push has a button of its own. */
const ADDABLE = ['email', 'sms', 'slack', 'teams', 'webhook', 'apprise']

function Preferences({ page }: { page: MeProps }) {
  const { busy, faults, failure, run, box } = useSend()
  const [value, setValue] = useState(() => {
    const zone = page.preference.zone === 'UTC' && page.zones.includes(ownZone()) ? ownZone() : page.preference.zone
    return { ...page.preference, zone }
  })
  const [done, setDone] = useState('')
  const set = (part: Partial<Preference>) => {
    setDone('')
    setValue((before) => ({ ...before, ...part }))
  }
  const quiet = value.quiet_from !== null || value.quiet_until !== null
  return (
    <form
      className="card form"
      aria-label={t('me.how')}
      ref={box}
      noValidate
      onSubmit={async (e) => {
        e.preventDefault()
        if (await run(() => send('PUT', '/api/v1/preferences', value))) setDone(t('form.saved'))
      }}
    >
      <h2>{t('me.how')}</h2>
      <div className="two-up flat">
        <Pick
          label={t('channel.language')}
          value={value.language}
          fault={faults.language}
          options={[['', t('channel.anyLanguage')], ...page.languages]}
          onChange={(language) => set({ language })}
        />
        <Text
          label={t('silence.zone')}
          value={value.zone}
          fault={faults.zone}
          suggest={page.zones}
          onChange={(zone) => set({ zone })}
        />
        <Tick
          label={t('me.quiet')}
          help={t('me.quietHelp')}
          checked={quiet}
          onChange={(on) =>
            set(
              on
                ? { quiet_from: '22:00', quiet_until: '07:00' }
                : { quiet_from: null, quiet_until: null, quiet_days: [] },
            )
          }
        />
        {quiet && (
          <>
            <div className="pair">
              <Text
                label={t('silence.from')}
                type="time"
                value={value.quiet_from ?? ''}
                fault={faults.quiet_from}
                onChange={(time) => set({ quiet_from: time || null })}
              />
              <Text
                label={t('silence.until')}
                type="time"
                value={value.quiet_until ?? ''}
                fault={faults.quiet_until}
                onChange={(time) => set({ quiet_until: time || null })}
              />
            </div>
            <Days label={t('me.quietDays')} value={value.quiet_days} onChange={(quiet_days) => set({ quiet_days })} />
            <Tick
              label={t('me.breaks')}
              checked={value.critical_breaks_quiet}
              onChange={(critical_breaks_quiet) => set({ critical_breaks_quiet })}
            />
          </>
        )}
      </div>
      <div className="ctl">
        <button type="submit" className="btn pri" disabled={busy}>
          {t(busy ? 'form.saving' : 'form.save')}
        </button>
        <Said failure={failure} done={done} />
      </div>
    </form>
  )
}
function WayFields({ way, set, faults }: { way: Way; set: (way: Way) => void; faults: Record<string, string> }) {
  return (
    <>
      <Pick
        label={t('way.severity')}
        value={way.severity}
        fault={faults.severity}
        options={[
          ['warn', t('way.warn')],
          ['critical', t('way.critical')],
        ]}
        onChange={(severity) => set({ ...way, severity: severity as Way['severity'] })}
      />
      <Amount
        label={t('way.after')}
        help={t('way.afterHelp')}
        value={way.after}
        scales={TIMES}
        fault={faults.after}
        onChange={(after) => set({ ...way, after: Math.round(after ?? 0) })}
      />
    </>
  )
}
function Add({ page, place, onDone }: { page: MeProps; place: number; onDone: () => void }) {
  const { kinds } = useKinds()
  const { busy, faults, failure, run, box } = useSend()
  const [over, setOver] = useState('new:email')
  const [config, setConfig] = useState<Config>({ to: page.email })
  const [way, setWay] = useState<Way>({ channel: '', place, severity: 'warn', after: 0 })
  const fresh = over.startsWith('new:') ? over.slice(4) : ''
  const fields = (kinds.find((one) => one.kind === fresh)?.fields ?? []).filter(
    (one) => one.required || fresh !== 'email',
  )
  const add = async () => {
    const { channel: _, ...rest } = way
    const body = fresh ? { ...rest, kind: fresh, config: configOf(fields, config) } : { ...rest, channel: over }
    if (await run(() => post(PATH, body))) onDone()
  }
  const addable = kinds
    .filter((one) => ADDABLE.includes(one.kind))
    .map((one) => [`new:${one.kind}`, one.title] as const)
  return (
    <form
      className="card two-up form"
      aria-label={t('way.add')}
      ref={box}
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        void add()
      }}
    >
      <Pick
        label={t('way.over')}
        value={over}
        fault={faults.channel ?? faults.kind}
        options={addable}
        groups={[[t('way.mine'), page.channels.map((one) => [one.id, one.name] as const)]]}
        onChange={(next) => {
          setOver(next)
          setConfig(next === 'new:email' ? { to: page.email } : {})
        }}
      />
      <ConfigFields fields={fields} value={config} onChange={setConfig} faults={faults} />
      <WayFields way={way} set={setWay} faults={faults} />
      <Foot wide busy={busy} save={t('way.add')} failure={failure} onCancel={onDone} />
    </form>
  )
}
function Row({
  way,
  first,
  last,
  move,
  again,
}: {
  way: Known
  first: boolean
  last: boolean
  move: (by: number) => void
  again: () => void
}) {
  const { busy, faults, failure, run } = useSend()
  const [edit, setEdit] = useState<Way | null>(null)
  const [answer, setAnswer] = useState('')
  const name = way.name ?? ''
  const test = async () => {
    setAnswer('')
    await run(async () => setAnswer(said(await post<Tested>(`${PATH}/${way.id}/test`))))
  }
  const save = async () => {
    if (edit && (await run(() => send('PATCH', `${PATH}/${way.id}`, { severity: edit.severity, after: edit.after })))) {
      setEdit(null)
      again()
    }
  }
  const remove = async () => {
    if (await run(() => send('DELETE', `${PATH}/${way.id}`))) again()
  }
  return (
    <li className="thing">
      <div className="what">
        <span className="titled">
          <strong className="t">{name}</strong>
          <Status s={way.severity === 'critical' ? 'crit' : 'warn'}>
            {t(way.severity === 'critical' ? 'way.critical' : 'way.warn')}
          </Status>
        </span>
        <p className="d mut num">
          {way.to && way.to !== name && way.over !== 'push' && `${way.to} · `}
          {way.after ? t('way.later', { age: duration(way.after) }) : t('way.atOnce')}
        </p>
        {way.warnings?.map((one) => (
          <p className="gap warn" key={one}>
            <Shape s="warn" size={11} /> {one}
          </p>
        ))}
        {(answer || failure) && (
          <output className={failure ? 'crit' : 'ok'}>
            {t(failure ? 'channel.testFailed' : 'channel.testDone')} <q className="mono">{failure || answer}</q>
          </output>
        )}
        {edit && (
          <div className="two-up flat">
            <WayFields way={edit} set={setEdit} faults={faults} />
            <div className="ctl wide">
              <button type="button" className="btn pri" disabled={busy} onClick={() => void save()}>
                {t('form.save')}
              </button>
              <button type="button" className="btn" onClick={() => setEdit(null)}>
                {t('form.cancel')}
              </button>
              <button type="button" className="btn danger" disabled={busy} onClick={() => void remove()}>
                {t('way.remove')}
              </button>
            </div>
          </div>
        )}
      </div>
      {!edit && (
        <div className="a">
          <button
            type="button"
            className="btn sm icon"
            disabled={first}
            aria-label={t('way.earlier', { name })}
            onClick={() => move(-1)}
          >
            ↑
          </button>
          <button
            type="button"
            className="btn sm icon"
            disabled={last}
            aria-label={t('way.laterOf', { name })}
            onClick={() => move(1)}
          >
            ↓
          </button>
          <button type="button" className="btn sm" disabled={busy} onClick={() => void test()}>
            {t(busy ? 'form.sending' : 'channel.test')}
          </button>
          <button
            type="button"
            className="btn sm"
            aria-label={t('channel.editOf', { name })}
            onClick={() => setEdit(way)}
          >
            {t('form.edit')}
          </button>
        </div>
      )}
    </li>
  )
}
function Ways({ page }: { page: MeProps }) {
  const [ways, setWays] = useState<Known[] | null>(null)
  const [failure, setFailure] = useState('')
  const [add, setAdd] = useState(false)
  const load = useCallback(async () => {
    try {
      const answer = await getJson<Known[] | { results: Known[] }>(PATH)
      setWays(Array.isArray(answer) ? answer : answer.results)
      setFailure('')
    } catch (error) {
      setFailure(error instanceof Error ? error.message : '')
    }
  }, [])
  useEffect(() => void load(), [load])
  const again = () => void load()
  const move = async (i: number, by: number) => {
    const next = [...(ways ?? [])]
    const [one] = next.splice(i, 1)
    if (one) next.splice(i + by, 0, one)
    setWays(next)
    try {
      for (const [place, way] of next.entries())
        if (way.place !== place) await send('PATCH', `${PATH}/${way.id}`, { place })
    } catch (error) {
      setFailure(error instanceof Error ? error.message : '')
    }
    again()
  }
  return (
    <section className="stack" aria-labelledby="ways">
      <div className="hero">
        <div>
          <h2 className="part" id="ways">
            {t('way.title')}
          </h2>
          <p className="mut">{t('way.lede')}</p>
        </div>
        <span className="sp" />
        {!add && (
          <button type="button" className="btn" onClick={() => setAdd(true)}>
            {t('way.add')}
          </button>
        )}
      </div>
      <Said failure={failure} />
      {add && (
        <Add
          page={page}
          place={ways?.length ?? 0}
          onDone={() => {
            setAdd(false)
            again()
          }}
        />
      )}
      {ways?.length === 0 && !add && (
        <p className="card hint pad-all">{t(page.mails ? 'way.empty' : 'way.emptyNoMail', { email: page.email })}</p>
      )}
      {ways && ways.length > 0 && (
        <ol className="card things">
          {ways.map((way, i) => (
            <Row
              key={way.id}
              way={way}
              first={i === 0}
              last={i === ways.length - 1}
              move={(by) => void move(i, by)}
              again={again}
            />
          ))}
        </ol>
      )}
      <Push onChange={again} />
    </section>
  )
}
function Page({ page }: { page: MeProps }) {
  return (
    <>
      <Ways page={page} />
      <Lost
        channels={page.channels.filter((one) => one.dead > 0).map((one) => one.id)}
        may={page.acts.length > 0}
        onDone={() => undefined}
      />
      <Preferences page={page} />
    </>
  )
}
mount<MeProps>('me', (props) => <Page page={props} />)
