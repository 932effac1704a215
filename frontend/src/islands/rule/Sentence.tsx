// The sentence of a rule, each part of it a field: "When CPU used on tag:db is above 95 % for 5 min tell …".
import { useMemo, useState } from 'react'
import { Amount, type Faults, Pick, scalesOf, Text, TIMES } from '../../alerting/form'
import type { Metric, Notify, Rule, RuleProps, Target } from '../../alerting/types'
import { Icon } from '../../ui/parts'
import { t } from '../../words'
import { FORECAST, joined, limitsFor, terms } from './model'

interface Part {
  rule: Rule
  set: (part: Partial<Rule>) => void
  faults: Faults
  page: RuleProps
}
const PLAIN = [[1, '']] as const
const SHARE = [[1, '%']] as const

const named = (metrics: Metric[], name: string) => metrics.find((one) => one.name === name)

/** Two that are called alike are told apart by their unit: "Disk used (%)". */
const calledIn = (metrics: Metric[], one: Metric): string =>
  metrics.some((other) => other.title === one.title && other.name !== one.name)
    ? `${one.title} (${one.unit || one.name})`
    : one.title
/** A metric by the words that people have for it; whoever knows its name may write that. */
export function Spoken({
  metrics,
  value,
  onPick,
  ...field
}: {
  metrics: Metric[]
  value: string
  onPick: (metric: string) => void
  label: string
  fault?: string
  help?: string
  placeholder?: string
}) {
  const [text, setText] = useState('')
  const words = useMemo(() => metrics.map((one) => [calledIn(metrics, one), one.name] as const), [metrics])
  const meant = (said: string) =>
    words.find(([word]) => word.toLowerCase() === said.trim().toLowerCase())?.[1] ?? said.trim()
  return (
    <Text
      hidden
      {...field}
      // what is being written stands as it is written, as long as it means the same
      value={text && meant(text) === value ? text : (words.find(([, name]) => name === value)?.[0] ?? value)}
      suggest={words}
      onChange={(said) => {
        setText(said)
        onPick(meant(said))
      }}
    />
  )
}
function Subject({ rule, set, faults, page }: Part) {
  const found = named(page.metrics, rule.metric)
  const pick = (metric: string) => {
    const next = named(page.metrics, metric)
    // limits that somebody wrote stay; suggested ones follow the metric, however slowly it is typed
    const suggested =
      (rule.warn === null && rule.critical === null) ||
      page.metrics.some((one) => one.warn === rule.warn && one.critical === rule.critical)
    const same = rule.kind === 'threshold' && suggested
    set({ metric, ...(next && same ? limitsFor(next) : {}), labels: {} })
  }
  return (
    <Spoken
      label={t('rule.metric')}
      metrics={page.metrics}
      value={rule.metric}
      fault={faults.metric}
      placeholder={rule.kind === 'no_data' ? t('rule.anything') : t('rule.metric')}
      help={found?.meaning}
      onPick={pick}
    />
  )
}
const Where = ({ rule, set, faults, page }: Part) => (
  <Text
    hidden
    label={t('rule.where')}
    value={rule.selector}
    fault={faults.selector}
    placeholder={t('rule.everyServer')}
    help={t('rule.whereHelp')}
    suggest={page.suggest}
    onChange={(selector) => set({ selector })}
  />
)
function Limits({ rule, set, faults, scales }: Part & { scales: ReturnType<typeof scalesOf> }) {
  const limit = (which: 'critical' | 'warn') => (
    <span className="limit">
      <Amount
        key={`${which}${rule.kind}`}
        hidden
        label={t(`rule.${which}`)}
        value={rule[which]}
        scales={scales}
        fault={faults[which]}
        onChange={(value) => set({ [which]: value, [`${which}_recover`]: null })}
      />
      <span className={`of ${which === 'critical' ? 'crit' : 'warn'}`}>{t(`rule.${which}Of`)}</span>
    </span>
  )
  return (
    <>
      {limit('critical')}
      <span>{t('rule.or')}</span>
      {limit('warn')}
    </>
  )
}
const Side = ({ rule, set, words }: Part & { words: [string, string] }) => (
  <Pick
    hidden
    label={t('rule.side')}
    value={rule.op}
    options={[
      ['above', words[0]],
      ['below', words[1]],
    ]}
    onChange={(op) => set({ op: op as Rule['op'], warn_recover: null, critical_recover: null })}
  />
)
const Lasting = ({ rule, set, faults }: Part) => (
  <>
    <span>{t('rule.for')}</span>
    <Amount
      hidden
      label={t('rule.forLabel')}
      value={rule.for}
      scales={TIMES}
      fault={faults.for}
      onChange={(value) => set({ for: Math.round(value ?? 0) })}
    />
  </>
)
function Window({ rule, set, faults, label, scales = TIMES }: Part & { label: string; scales?: typeof TIMES }) {
  return (
    <Amount
      hidden
      label={label}
      value={Number(rule.params.window ?? 0)}
      scales={scales}
      fault={faults.params ?? faults['params.window']}
      onChange={(window) => set({ params: { ...rule.params, window: Math.round(window ?? 0) } })}
    />
  )
}
function Change(part: Part) {
  const { rule, set } = part
  const percent = Boolean(rule.params.percent)
  return (
    <>
      <Side {...part} words={[t('rule.rises'), t('rule.falls')]} />
      <Limits {...part} scales={percent ? SHARE : scalesOf(rule.metric)} />
      <Pick
        hidden
        label={t('rule.changeAs')}
        value={percent ? 'percent' : 'units'}
        options={[
          ['percent', t('rule.asPercent')],
          ['units', t('rule.asUnits')],
        ]}
        onChange={(value) => set({ params: { ...rule.params, percent: value === 'percent' } })}
      />
      <span>{t('rule.within')}</span>
      <Window {...part} label={t('rule.window')} />
      <Lasting {...part} />
    </>
  )
}
function Past(part: Part) {
  const { rule, set } = part
  return (
    <>
      <span>{t('rule.is')}</span>
      <Limits {...part} scales={SHARE} />
      <Side {...part} words={[t('rule.above'), t('rule.below')]} />
      <span>{t('rule.sameTime')}</span>
      <Pick
        hidden
        label={t('rule.against')}
        fault={part.faults.params}
        value={String(rule.params.against ?? 'day')}
        options={[
          ['day', t('rule.daysBefore')],
          ['week', t('rule.weekBefore')],
        ]}
        onChange={(against) => set({ params: { ...rule.params, against } })}
      />
      <Lasting {...part} />
    </>
  )
}
function Composite({ rule, set, faults, page }: Part) {
  const text = String(rule.params.rules ?? '')
  const plain = terms(text)
  const write = (rules: string) => set({ params: { ...rule.params, rules } })
  const fault = faults.params ?? faults['params.rules']
  if (!plain)
    return (
      <Text label={t('rule.expression')} value={text} fault={fault} help={t('rule.expressionHelp')} onChange={write} />
    )
  const { join, list } = plain
  const free = page.rules.filter((one) => !list.some((term) => term.id === one.id))
  return (
    <>
      <Pick
        hidden
        label={t('rule.join')}
        value={join}
        options={[
          ['and', t('rule.allOf')],
          ['or', t('rule.anyOf')],
        ]}
        onChange={(next) => write(joined(next as 'and' | 'or', list))}
      />
      <span className="chips">
        {list.map((term, i) => {
          const name = page.rules.find((one) => one.id === term.id)?.name ?? t('rule.gone')
          const change = (next: typeof list) => write(joined(join, next))
          return (
            <span className="chip" key={term.id}>
              <button
                type="button"
                className="flip"
                aria-pressed={term.not}
                aria-label={t('rule.notOf', { name })}
                onClick={() => change(list.map((one, k) => (k === i ? { ...one, not: !one.not } : one)))}
              >
                {term.not ? t('rule.not') : t('rule.holds')}
              </button>
              {name}
              <Remove name={name} onClick={() => change(list.filter((_, k) => k !== i))} />
            </span>
          )
        })}
      </span>
      <Pick
        hidden
        label={t('rule.addRule')}
        value=""
        fault={fault}
        options={[['', t('rule.addRule')], ...free.map((one) => [one.id, one.name] as const)]}
        onChange={(id) => id && write(joined(join, [...list, { id, not: false }]))}
      />
    </>
  )
}
export const Remove = ({ name, onClick }: { name: string; onClick: () => void }) => (
  <button type="button" className="x" aria-label={t('form.removeOf', { name })} onClick={onClick}>
    ×
  </button>
)
function Forecast(part: Part) {
  const { rule, set, page } = part
  const subjects = useMemo(() => page.metrics.filter((one) => one.name.endsWith('_used_percent')), [page.metrics])
  const subject = rule.labels.metric ?? ''
  return (
    <>
      <Spoken
        label={t('rule.subject')}
        metrics={subjects}
        value={subject}
        help={named(subjects, subject)?.meaning}
        fault={part.faults.labels ?? part.faults.metric}
        onPick={(metric) => set({ metric: FORECAST, labels: { ...rule.labels, metric } })}
      />
      <span>{t('rule.on')}</span>
      <Where {...part} />
      <span>{t('rule.runsOut')}</span>
      <Limits {...part} scales={TIMES} />
    </>
  )
}
function Condition(part: Part) {
  const { rule } = part
  const subject = (
    <>
      <Subject {...part} />
      <span>{t('rule.on')}</span>
      <Where {...part} />
    </>
  )
  switch (rule.kind) {
    case 'change':
      return (
        <>
          {subject}
          <Change {...part} />
        </>
      )
    case 'past':
      return (
        <>
          {subject}
          <Past {...part} />
        </>
      )
    case 'no_data':
      return (
        <>
          {subject}
          <span>{t('rule.silent')}</span>
          <Lasting {...part} />
        </>
      )
    case 'composite':
      return (
        <>
          <Composite {...part} />
          <span>{t('rule.holdOn')}</span>
          <Where {...part} />
          <Lasting {...part} />
        </>
      )
    case 'forecast':
      return <Forecast {...part} />
    case 'anomaly':
      return (
        <>
          <Where {...part} />
          <span>{t('rule.unusual')}</span>
          <Limits {...part} scales={PLAIN} />
          <Lasting {...part} />
        </>
      )
    default:
      return (
        <>
          {subject}
          <span>{t('rule.is')}</span>
          <Side {...part} words={[t('rule.above'), t('rule.below')]} />
          <Limits {...part} scales={scalesOf(rule.metric)} />
          <Lasting {...part} />
        </>
      )
  }
}
export function Tell({
  value,
  targets,
  team,
  fault,
  onChange,
}: {
  value: Notify
  targets: Target[]
  team: string
  fault?: string
  onChange: (value: Notify) => void
}) {
  const idOf = (one: Notify[number]) => Object.values(one)[0] ?? ''
  const chosen = value.map(idOf)
  const free = targets.filter((one) => !chosen.includes(one.id) && (one.kind === 'person' || one.team === team))
  const of = (kind: Target['kind']) => free.filter((one) => one.kind === kind).map((one) => [one.id, one.name] as const)
  return (
    <>
      {value.length > 0 ? (
        <span className="chips">
          {value.map((one, i) => {
            const name = targets.find((target) => target.id === idOf(one))?.name ?? t('rule.gone')
            return (
              <span className="chip" key={idOf(one)}>
                {name}
                <Remove name={name} onClick={() => onChange(value.filter((_, k) => k !== i))} />
              </span>
            )
          })}
        </span>
      ) : (
        <strong>{t('rule.usual')}</strong>
      )}
      <Pick
        hidden
        label={t('rule.addTarget')}
        value=""
        fault={fault}
        options={[['', value.length ? t('rule.addTarget') : t('rule.insteadOf')]]}
        groups={[
          [t('rule.chains'), of('chain')],
          [t('rule.channels'), of('channel')],
          [t('rule.people'), of('person')],
        ]}
        onChange={(id) => {
          const target = free.find((one) => one.id === id)
          if (target) onChange([...value, { [target.kind]: id }])
        }}
      />
    </>
  )
}
export function Sentence(part: Part) {
  const { rule, set, faults, page } = part
  return (
    <div className="says">
      <span>{t('rule.when')}</span>
      <Condition {...part} />
      <span className="tell">
        <Icon n="next" s={14} /> {t('rule.tell')}
      </span>
      <Tell
        value={rule.notify}
        targets={page.targets}
        team={rule.team}
        fault={faults.notify}
        onChange={(notify) => set({ notify })}
      />
    </div>
  )
}
