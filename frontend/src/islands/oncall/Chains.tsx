// Chains: whom a team tells, in what order, until somebody looks after it.
import { useState } from 'react'
import { Amount, Foot, Pick, TIMES, Tick, useSend } from '../../alerting/form'
import type { Chain, Step, Target } from '../../alerting/types'
import { duration } from '../../format'
import { send } from '../../live/http'
import { Shape } from '../../ui/parts'
import { t } from '../../words'
import type { OnCallProps } from './main'
import { NameAndTeam } from './NameAndTeam'

const PATH = '/api/v1/chains'
export const STEPS = ['wait', 'person', 'on_call', 'team', 'channel', 'raise', 'repeat'] as const
type StepKind = (typeof STEPS)[number]
type Named = ReadonlyArray<readonly [string, string]>

interface Choices {
  people: Named
  channels: Named
  schedules: Named
}
export const choicesOf = (page: OnCallProps, team: string): Choices => {
  const of = (kind: Target['kind']) =>
    page.targets
      .filter((one) => one.kind === kind && (kind === 'person' || one.team === team))
      .map((one) => [one.id, one.name] as const)
  const schedules = page.schedules.filter((one) => one.team === team).map((one) => [one.id, one.name] as const)
  return { people: of('person'), channels: of('channel'), schedules }
}
/** A step with what its kind needs, filled in so that it can be saved at once where that is possible. */
export function fresh(kind: StepKind, choices: Choices): Step {
  if (kind === 'wait') return { kind, seconds: 300 }
  if (kind === 'person') return { kind, person: choices.people[0]?.[0] ?? '', important: false }
  if (kind === 'on_call') return { kind, schedule: choices.schedules[0]?.[0] ?? '' }
  if (kind === 'channel') return { kind, channel: choices.channels[0]?.[0] ?? '' }
  if (kind === 'repeat') return { kind, times: 2 }
  return { kind }
}
/** "wait 5 min", "tell who is on call in Database": what stands in the list. */
function stepWords(step: Step, choices: Choices): string {
  const name = (list: Named, id: unknown) => list.find(([one]) => one === id)?.[1] ?? t('rule.gone')
  switch (step.kind) {
    case 'wait':
      return t('step.wait', { age: duration(Number(step.seconds)) })
    case 'person':
      return `${t('step.personOf', { name: name(choices.people, step.person) })}${step.important ? ` (${t('chain.important')})` : ''}`
    case 'on_call':
      return `${t('step.on_call')}: ${name(choices.schedules, step.schedule)}`
    case 'channel':
      return `${t('step.channel')}: ${name(choices.channels, step.channel)}`
    case 'repeat':
      return t('step.repeat', { n: Number(step.times) })
    default:
      return t(`step.${step.kind}` as 'step.team')
  }
}
function StepFields({ step, choices, set }: { step: Step; choices: Choices; set: (step: Step) => void }) {
  const pick = (label: string, key: string, list: Named) => (
    <Pick
      hidden
      label={label}
      value={String(step[key] ?? '')}
      options={list.length ? list : [['', t('chain.nothing')]]}
      onChange={(id) => set({ ...step, [key]: id })}
    />
  )
  if (step.kind === 'wait')
    return (
      <Amount
        hidden
        label={t('chain.seconds')}
        value={Number(step.seconds)}
        scales={TIMES}
        onChange={(seconds) => set({ ...step, seconds: Math.round(seconds ?? 0) })}
      />
    )
  if (step.kind === 'person')
    return (
      <>
        {pick(t('chain.person'), 'person', choices.people)}
        <Tick
          label={t('chain.important')}
          checked={step.important === true}
          onChange={(important) => set({ ...step, important })}
        />
      </>
    )
  if (step.kind === 'on_call') return pick(t('chain.schedule'), 'schedule', choices.schedules)
  if (step.kind === 'channel') return pick(t('chain.channel'), 'channel', choices.channels)
  if (step.kind === 'repeat')
    return (
      <Pick
        hidden
        label={t('chain.times')}
        value={String(step.times ?? 1)}
        options={['1', '2', '3', '4', '5'].map((n) => [n, t('chain.timesOf', { n })] as const)}
        onChange={(times) => set({ ...step, times: Number(times) })}
      />
    )
  return null
}
function ChainForm({ chain, page, onDone }: { chain: Chain | null; page: OnCallProps; onDone: () => void }) {
  const { busy, faults, failure, run, box } = useSend()
  const [name, setName] = useState(chain?.name ?? '')
  const [team, setTeam] = useState(chain?.team ?? page.manages[0] ?? '')
  const choices = choicesOf(page, team)
  const [usual, setUsual] = useState(chain?.default ?? page.chains.length === 0)
  const [anew, setAnew] = useState(chain?.unacknowledge ?? false)
  const [steps, setSteps] = useState<Step[]>(
    () =>
      chain?.steps ?? [
        fresh(choices.schedules.length ? 'on_call' : 'team', choices),
        fresh('wait', choices),
        fresh('team', choices),
      ],
  )
  const put = (i: number, step: Step) => setSteps(steps.map((one, k) => (k === i ? step : one)))
  const move = (i: number, by: number) => {
    const next = [...steps]
    const [one] = next.splice(i, 1)
    if (one) next.splice(i + by, 0, one)
    setSteps(next)
  }
  const save = async () => {
    const body = { name: name.trim(), default: usual, unacknowledge: anew, steps }
    const ok = await run(() =>
      chain ? send('PATCH', `${PATH}/${chain.id}`, body) : send('POST', PATH, { team, ...body }),
    )
    if (ok) onDone()
  }
  const remove = async () => {
    if (await run(() => send('DELETE', `${PATH}/${chain?.id}`))) onDone()
  }
  const fault = Object.entries(faults).find(([field]) => field.startsWith('steps'))?.[1]
  return (
    <form
      className="card form"
      aria-label={chain ? t('chain.editOf', { name: chain.name }) : t('chain.new')}
      ref={box}
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        void save()
      }}
    >
      <div className="two-up">
        <NameAndTeam
          label={t('chain.name')}
          name={name}
          fault={faults.name}
          teams={chain ? [] : page.manages}
          team={team}
          setName={setName}
          setTeam={setTeam}
        />
      </div>
      <ol className="steps-of" aria-label={t('chain.steps')}>
        {steps.map((step, i) => (
          <li key={i}>
            <span className="n num">{i + 1}</span>
            <Pick
              hidden
              label={t('chain.kindOf', { n: i + 1 })}
              value={step.kind}
              options={STEPS.map((kind) => [kind, t(`chain.kind.${kind}`)] as const)}
              onChange={(kind) => put(i, fresh(kind as StepKind, choices))}
            />
            <StepFields step={step} choices={choices} set={(next) => put(i, next)} />
            <span className="moves">
              <button
                type="button"
                className="btn sm icon"
                disabled={i === 0}
                aria-label={t('chain.up', { n: i + 1 })}
                onClick={() => move(i, -1)}
              >
                ↑
              </button>
              <button
                type="button"
                className="btn sm icon"
                disabled={i === steps.length - 1}
                aria-label={t('chain.down', { n: i + 1 })}
                onClick={() => move(i, 1)}
              >
                ↓
              </button>
              <button
                type="button"
                className="btn sm icon"
                aria-label={t('chain.removeStep', { n: i + 1 })}
                onClick={() => setSteps(steps.filter((_, k) => k !== i))}
              >
                ×
              </button>
            </span>
          </li>
        ))}
      </ol>
      {fault && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
      <p>
        <button type="button" className="btn sm" onClick={() => setSteps([...steps, fresh('wait', choices)])}>
          {t('chain.addStep')}
        </button>
      </p>
      <div className="ticks">
        <Tick label={t('chain.default')} checked={usual} onChange={setUsual} />
        <Tick label={t('chain.anew')} help={t('chain.anewHelp')} checked={anew} onChange={setAnew} />
      </div>
      <Foot
        busy={busy}
        save={t(chain ? 'form.save' : 'chain.make')}
        failure={fault ? '' : failure}
        remove={
          chain
            ? {
                label: t('chain.delete'),
                question: t('channel.deleteSure', { name: chain.name }),
                onYes: () => void remove(),
              }
            : undefined
        }
        onCancel={onDone}
      />
    </form>
  )
}
export function Chains({ page, again }: { page: OnCallProps; again: () => void }) {
  const [edit, setEdit] = useState<string | null>(null)
  const done = () => {
    setEdit(null)
    again()
  }
  const may = page.manages.length > 0
  return (
    <section className="stack" aria-labelledby="chains">
      <div className="hero">
        <div>
          <h2 className="part" id="chains">
            {t('chain.title')}
          </h2>
          <p className="mut">{t('chain.lede')}</p>
        </div>
        <span className="sp" />
        {may && edit !== 'new' && (
          <button type="button" className="btn" onClick={() => setEdit('new')}>
            {t('chain.new')}
          </button>
        )}
      </div>
      {edit === 'new' && <ChainForm chain={null} page={page} onDone={done} />}
      {page.chains.length === 0 && edit !== 'new' && (
        <p className="card hint pad-all">{t(may ? 'chain.empty' : 'chain.emptyLook')}</p>
      )}
      {page.chains.map((chain) =>
        edit === chain.id ? (
          <ChainForm key={chain.id} chain={chain} page={page} onDone={done} />
        ) : (
          <article className="card thing" key={chain.id}>
            <div className="what">
              <strong className="t">{chain.name}</strong>
              {chain.default && <span className="tag"> {t('chain.isDefault')}</span>}
              <ol className="flow">
                {chain.steps.map((step, i) => (
                  <li key={i}>{stepWords(step, choicesOf(page, chain.team))}</li>
                ))}
              </ol>
              {chain.warnings?.map((one) => (
                <p className="gap warn" key={one}>
                  <Shape s="warn" size={11} /> {one}
                </p>
              ))}
              <p className="d mut">{chain.team}</p>
            </div>
            {page.manages.includes(chain.team) && (
              <div className="a">
                <button
                  type="button"
                  className="btn sm"
                  aria-label={t('chain.editOf', { name: chain.name })}
                  onClick={() => setEdit(chain.id)}
                >
                  {t('form.edit')}
                </button>
              </div>
            )}
          </article>
        ),
      )}
    </section>
  )
}
