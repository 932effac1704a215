import { useState } from 'react'
import { Amount, Foot, Pick, Said, Text, Tick, useSend } from '../../alerting/form'
import { type Config, ConfigFields, configOf, said, type Tested, useKinds } from '../../alerting/kinds'
import { Lost } from '../../alerting/Lost'
import { useSetup } from '../../alerting/page'
import type { Channel, ChannelKind, SetupProps } from '../../alerting/types'
import { duration } from '../../format'
import { post, send } from '../../live/http'
import { Icon, mount, Status, type Tone, useNow } from '../../ui/parts'
import { t, tn } from '../../words'

interface ChannelsProps extends SetupProps {
  channels: Channel[]
  languages: Array<[string, string]>
}
const PATH = '/api/v1/channels'

const lastFailed = ({ last_error: why }: Channel): string => (why ? t('channel.lastFailed', { why }) : '')

/** How a channel does, in one word and one sentence. */
export function healthOf(channel: Channel, at: number): { tone: Tone; word: string; why: string } {
  if (!channel.enabled) return { tone: 'off', word: t('channel.off'), why: '' }
  if (channel.fault) return { tone: 'crit', word: t('channel.fault'), why: channel.fault }
  if (channel.resting_until !== null && channel.resting_until > at)
    return {
      tone: 'warn',
      word: t('channel.resting'),
      why:
        channel.resting_until - at < 1
          ? t('channel.restingOver', { n: channel.failures })
          : t('channel.restingWhy', { n: channel.failures, age: duration(channel.resting_until - at) }),
    }
  if (channel.failures)
    return {
      tone: 'warn',
      word: t('channel.failing'),
      why: lastFailed(channel) || tn('channel.failures', channel.failures),
    }
  if (channel.last_error) return { tone: 'warn', word: t('channel.failing'), why: lastFailed(channel) }
  if (channel.dead) return { tone: 'warn', word: t('channel.lossy'), why: '' }
  if (!channel.tried) return { tone: 'off', word: t('channel.untried'), why: '' }
  return { tone: 'ok', word: t('channel.works'), why: '' }
}
export function Test({ path, onDone }: { path: string; onDone?: (failed: string) => void }) {
  const { busy, failure, run } = useSend()
  const [answer, setAnswer] = useState('')
  const test = async () => {
    setAnswer('')
    let told = ''
    await run(async () => {
      try {
        setAnswer(said(await post<Tested>(`${path}/test`)))
      } catch (error) {
        told = error instanceof Error ? error.message : ''
        throw error
      }
    })
    onDone?.(told)
  }
  return (
    <span className="test">
      <button type="button" className="btn sm" disabled={busy} onClick={() => void test()}>
        {t(busy ? 'form.sending' : 'channel.test')}
      </button>
      {(answer || failure) && (
        <output className={failure ? (onDone ? 'sr' : 'crit') : 'ok'}>
          {t(failure ? 'channel.testFailed' : 'channel.testDone')} <q className="mono">{failure || answer}</q>
        </output>
      )}
    </span>
  )
}
function Form({
  channel,
  page,
  kinds,
  onDone,
}: {
  channel: Channel | null
  page: ChannelsProps
  kinds: ChannelKind[]
  onDone: () => void
}) {
  const { busy, faults, failure, run, box } = useSend()
  const [kind, setKind] = useState(
    channel?.kind ?? (kinds.find((one) => one.kind === 'email') ?? kinds[0])?.kind ?? 'email',
  )
  const [name, setName] = useState(channel?.name ?? '')
  const [team, setTeam] = useState(channel?.team ?? page.manages[0] ?? '')
  const [config, setConfig] = useState<Config>({})
  const [enabled, setEnabled] = useState(channel?.enabled ?? true)
  const [usual, setUsual] = useState(channel?.default ?? true)
  const [language, setLanguage] = useState(channel?.language ?? '')
  const [fallback, setFallback] = useState(channel?.fallback ?? '')
  const [cap, setCap] = useState<number | null>(channel?.storm_cap ?? null)
  const found = kinds.find((one) => one.kind === kind)
  const fields = found?.fields ?? []
  const save = async () => {
    const typed = configOf(fields, config)
    const body = { name: name.trim(), enabled, default: usual, language, fallback: fallback || null, storm_cap: cap }
    const ok = await run(() =>
      channel
        ? send('PATCH', `${PATH}/${channel.id}`, { ...body, ...(Object.keys(typed).length ? { config: typed } : {}) })
        : send('POST', PATH, { ...body, team, kind, config: typed }),
    )
    if (ok) onDone()
  }
  const remove = async () => {
    if (await run(() => send('DELETE', `${PATH}/${channel?.id}`))) onDone()
  }
  const others = page.channels.filter((one) => one.team === team && one.id !== channel?.id)
  return (
    <form
      className="card two-up form"
      aria-label={channel ? t('channel.editOf', { name: channel.name }) : t('channel.add')}
      ref={box}
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        void save()
      }}
    >
      {!channel && (
        <Pick
          label={t('channel.kind')}
          value={kind}
          fault={faults.kind}
          options={kinds.map((one) => [one.kind, one.title] as const)}
          onChange={(next) => {
            setKind(next)
            setConfig({})
          }}
        />
      )}
      <Text label={t('channel.name')} value={name} fault={faults.name} required onChange={setName} />
      {!channel && page.manages.length > 1 && (
        <Pick
          label={t('team')}
          value={team}
          options={page.manages.map((one) => [one, one] as const)}
          onChange={setTeam}
        />
      )}
      <ConfigFields fields={fields} value={config} onChange={setConfig} faults={faults} stored={channel !== null} />
      {channel && <p className="help wide">{t('channel.secrets')}</p>}
      <Pick
        label={t('channel.fallback')}
        help={t('channel.fallbackHelp')}
        value={fallback}
        fault={faults.fallback}
        options={[['', t('channel.noFallback')], ...others.map((one) => [one.id, one.name] as const)]}
        onChange={setFallback}
      />
      <Pick
        label={t('channel.language')}
        value={language}
        fault={faults.language}
        options={[['', t('channel.anyLanguage')], ...page.languages]}
        onChange={setLanguage}
      />
      <Amount
        label={t('channel.cap')}
        help={t('channel.capHelp')}
        value={cap}
        scales={[[1, '']]}
        fault={faults.storm_cap}
        onChange={setCap}
      />
      <div className="ticks">
        <Tick label={t('channel.default')} help={t('channel.defaultHelp')} checked={usual} onChange={setUsual} />
        <Tick label={t('channel.enabled')} checked={enabled} onChange={setEnabled} />
      </div>
      <Foot
        wide
        busy={busy}
        save={t(channel ? 'form.save' : 'channel.make')}
        failure={failure}
        remove={
          channel
            ? {
                label: t('channel.delete'),
                question: t('channel.deleteSure', { name: channel.name }),
                onYes: () => void remove(),
              }
            : undefined
        }
        onCancel={onDone}
      />
    </form>
  )
}
function Row({
  channel,
  page,
  kinds,
  at,
  again,
}: {
  channel: Channel
  page: ChannelsProps
  kinds: ChannelKind[]
  at: number
  again: () => void
}) {
  const [edit, setEdit] = useState(false)
  const [failed, setFailed] = useState('')
  const { tone, word, why } = failed
    ? { tone: 'warn' as const, word: t('channel.failing'), why: t('channel.lastTestFailed', { why: failed }) }
    : healthOf(channel, at)
  const may = page.manages.includes(channel.team)
  const fallback = page.channels.find((one) => one.id === channel.fallback)
  if (edit)
    return (
      <li>
        <Form
          channel={channel}
          page={page}
          kinds={kinds}
          onDone={() => {
            setEdit(false)
            again()
          }}
        />
      </li>
    )
  return (
    <li className={`thing${channel.enabled ? '' : ' still'}`}>
      <div className="what">
        <span className="titled">
          <strong className="t">{channel.name}</strong>
          <Status s={tone}>{word}</Status>
          {channel.dead > 0 && <Status s="crit">{tn('channel.dead', channel.dead)}</Status>}
        </span>
        {why && <p className={`d ${tone}`}>{why}</p>}
        <p className="d mut">
          {kinds.find((one) => one.kind === channel.kind)?.title ?? channel.kind}
          {channel.default && ` · ${t('channel.isDefault')}`}
          {fallback && ` · ${t('channel.then', { name: fallback.name })}`} · {channel.team}
        </p>
      </div>
      {may && (
        <div className="a">
          <Test path={`${PATH}/${channel.id}`} onDone={setFailed} />
          <button
            type="button"
            className="btn sm"
            aria-label={t('channel.editOf', { name: channel.name })}
            onClick={() => setEdit(true)}
          >
            {t('form.edit')}
          </button>
        </div>
      )}
    </li>
  )
}
function Page({ first }: { first: ChannelsProps }) {
  const [page, again] = useSetup(first)
  const { kinds, failure } = useKinds()
  const [add, setAdd] = useState(false)
  const at = useNow(5000)
  const may = page.manages.length > 0
  const bad = page.channels.filter((one) => ['crit', 'warn'].includes(healthOf(one, at).tone) || one.dead > 0).length
  const untried = page.channels.filter((one) => one.enabled && !one.tried).length
  const off = page.channels.filter((one) => !one.enabled).length
  const said = [
    bad
      ? page.channels.length === 1
        ? t(may ? 'channels.badOnly' : 'channels.badOnlyLook')
        : tn(may ? 'channels.bad' : 'channels.badLook', bad)
      : '',
    untried ? (page.channels.length === 1 ? t('channels.untriedOnly') : tn('channels.untried', untried)) : '',
    off ? (page.channels.length === 1 ? t('channels.offOnly') : tn('channels.off', off)) : '',
  ].filter(Boolean)
  return (
    <>
      <div className="hero">
        <div>
          <h1>{page.channels.length ? tn('channels.count', page.channels.length) : t('channels.none')}</h1>
          <p className="lede">
            {said.length
              ? said.join(' ')
              : page.channels.length
                ? t(page.channels.length === 1 ? 'channels.wellOnly' : 'channels.well')
                : t('channels.noneLede')}
          </p>
        </div>
        <span className="sp" />
        {may && !add && (
          <button type="button" className="btn pri" disabled={!kinds.length} onClick={() => setAdd(true)}>
            <Icon n="plus" s={16} />
            {t('channel.add')}
          </button>
        )}
      </div>
      <Said failure={failure} />
      {add && (
        <Form
          channel={null}
          page={page}
          kinds={kinds}
          onDone={() => {
            setAdd(false)
            again()
          }}
        />
      )}
      {page.channels.length > 0 ? (
        <ul className="card things" aria-label={t('channels.list')}>
          {page.channels.map((one) => (
            <Row key={one.id} channel={one} page={page} kinds={kinds} at={at} again={again} />
          ))}
        </ul>
      ) : (
        !add && (
          <div className="card empty">
            <h2>{t('channels.empty')}</h2>
            <p className="mut">{t(may ? 'channels.emptyLede' : 'channels.askAdmin')}</p>
          </div>
        )
      )}
      <Lost
        channels={page.channels.filter((one) => one.dead > 0).map((one) => one.id)}
        may={page.acts.length > 0}
        onDone={again}
      />
    </>
  )
}
mount<ChannelsProps>('channels', (props) => <Page first={props} />)
