import { useEffect, useState } from 'react'
import {
  Amount,
  Confirm,
  type Faults,
  Long,
  Pick,
  Said,
  scalesOf,
  Text,
  TIMES,
  Tick,
  useSend,
} from '../../alerting/form'
import type { Rule, RuleProps } from '../../alerting/types'
import { iso, ownZone } from '../../alerting/zones'
import { dayTime } from '../../format'
import { now } from '../../live/clock'
import { post, send } from '../../live/http'
import { mount } from '../../ui/parts'
import { t } from '../../words'
import { History } from './History'
import { asKind, blank, body, KINDS, type Kind, readLabels, writeLabels } from './model'
import { PreviewCard, usePreview } from './Preview'
import { Sentence } from './Sentence'
import '../../charts/chart.css'
import '../../design/alerts.css'
import './rule.css'

const LIST = '/rules/'
const DRY = ['0', '1', '7', '30'] as const
const DAY = 86_400

function Labels({ rule, set, faults }: { rule: Rule; set: (part: Partial<Rule>) => void; faults: Faults }) {
  const [text, setText] = useState(() => writeLabels(rule.labels))
  const read = readLabels(text)
  useEffect(() => {
    // another metric has other labels: what was typed for the last one is gone with it
    setText((before) =>
      JSON.stringify(readLabels(before)) === JSON.stringify(rule.labels) ? before : writeLabels(rule.labels),
    )
  }, [rule.labels])
  return (
    <Text
      label={t('rule.labels')}
      value={text}
      help={t('rule.labelsHelp')}
      fault={read ? faults.labels : t('rule.labelsFault')}
      onChange={(next) => {
        setText(next)
        const labels = readLabels(next)
        if (labels) set({ labels })
      }}
    />
  )
}
const GROUPS: Array<[string, string[]]> = [
  ['rule.groupRule', []],
  ['rule.groupServer', ['rule', 'server']],
  ['rule.groupSite', ['rule', 'site']],
  ['rule.groupRole', ['rule', 'role']],
  ['rule.groupAll', ['server']],
]
/** What most rules leave as it is. */
function More({ rule, set, faults }: { rule: Rule; set: (part: Partial<Rule>) => void; faults: Faults }) {
  const scales = scalesOf(rule.metric)
  const limited = rule.kind !== 'no_data' && rule.kind !== 'composite'
  const key = JSON.stringify(rule.group_by)
  const groups = GROUPS.map(([word, by]) => [JSON.stringify(by), t(word as 'rule.groupRule')] as const)
  const other = groups.some(([one]) => one === key) ? [] : [[key, rule.group_by.join(', ')] as const]
  const shown = ['labels', 'group_by', 'keep_firing_for', 'group_wait', 'repeat_intervals', 'runbook', 'warn_recover']
  const wrong = [...shown, 'critical_recover', 'group_interval'].some((name) => faults[name])
  return (
    <details className="card more-of" open={wrong || undefined}>
      <summary>{t('rule.more')}</summary>
      <div className="two-up">
        {rule.kind !== 'composite' && rule.kind !== 'forecast' && <Labels rule={rule} set={set} faults={faults} />}
        {limited && (
          <>
            <Amount
              label={t('rule.criticalRecover')}
              help={t('rule.recoverHelp')}
              value={rule.critical_recover}
              scales={scales}
              fault={faults.critical_recover}
              onChange={(critical_recover) => set({ critical_recover })}
            />
            <Amount
              label={t('rule.warnRecover')}
              value={rule.warn_recover}
              scales={scales}
              fault={faults.warn_recover}
              onChange={(warn_recover) => set({ warn_recover })}
            />
          </>
        )}
        <Amount
          label={t('rule.keep')}
          help={t('rule.keepHelp')}
          value={rule.keep_firing_for}
          scales={TIMES}
          fault={faults.keep_firing_for}
          onChange={(value) => set({ keep_firing_for: Math.round(value ?? 0) })}
        />
        <Pick
          label={t('rule.group')}
          help={t('rule.groupHelp')}
          value={key}
          options={[...groups, ...other]}
          fault={faults.group_by}
          onChange={(by) => set({ group_by: JSON.parse(by) as string[] })}
        />
        <Amount
          label={t('rule.wait')}
          help={t('rule.waitHelp')}
          value={rule.group_wait}
          scales={TIMES}
          fault={faults.group_wait}
          onChange={(value) => set({ group_wait: value === null ? null : Math.round(value) })}
        />
        <Amount
          label={t('rule.repeat')}
          help={t('rule.repeatHelp')}
          value={rule.repeat_intervals[0] ?? null}
          scales={TIMES}
          fault={faults.repeat_intervals}
          onChange={(value) => set({ repeat_intervals: value === null ? [] : [Math.round(value)] })}
        />
        <Long
          label={t('rule.runbook')}
          help={t('rule.runbookHelp')}
          value={rule.runbook}
          fault={faults.runbook}
          onChange={(runbook) => set({ runbook })}
        />
      </div>
    </details>
  )
}
/** A name that says the same as the sentence, until somebody writes a better one. */
function suggestedName(rule: Rule, title: string | undefined): string {
  const where = rule.selector.trim() ? ` · ${rule.selector.trim()}` : ''
  if (rule.kind === 'composite') return ''
  if (!rule.metric && rule.kind !== 'no_data') return t('rule.unnamed')
  if (rule.kind === 'anomaly') return `${t('rule.namedUnusual')}${where}`
  if (rule.kind === 'no_data' && !rule.metric) return `${t('rule.namedDown')}${where}`
  const named = {
    change: 'rule.namedChange',
    past: 'rule.namedPast',
    no_data: 'rule.namedSilent',
    forecast: 'rule.namedForecast',
  } as const
  const plain = rule.op === 'above' ? 'rule.namedHigh' : 'rule.namedLow'
  const what = t(named[rule.kind as keyof typeof named] ?? plain, { what: title ?? rule.metric })
  return `${what}${where}`
}
interface Saved {
  id: string
  warnings?: string[]
}
/** It judges and writes down, and tells nobody: a silence of this rule alone, there before the rule begins to judge. */
async function tryOut(rule: string, team: string | undefined, days: number, start: boolean): Promise<void> {
  const at = now()
  const when = { starts_at: iso(at), ends_at: iso(at + days * DAY), zone: ownZone() }
  await post('/api/v1/silences', {
    ...(team ? { team } : {}),
    rule,
    selector: '',
    reason: t('rule.dryReason'),
    ...when,
  })
  if (start) await send('PATCH', `/api/v1/rules/${rule}`, { enabled: true })
}
function Editor({ page }: { page: RuleProps }) {
  const [rule, setRule] = useState<Rule>(() => page.rule ?? blank(page))
  const [days, setDays] = useState(30)
  const [touched, setTouched] = useState<Faults>({})
  const [dry, setDry] = useState('0')
  const [hushed, setHushed] = useState(page.hushed ?? [])
  const [done, setDone] = useState<{ warnings: string[]; there: string } | null>(null)
  const { busy, faults, failure, run, box, setFaults } = useSend()
  const asked = usePreview(rule, days)
  const may = page.manages.includes(rule.team)
  const set = (part: Partial<Rule>) => {
    setRule((before) => ({ ...before, ...part }))
    setFaults(Object.fromEntries(Object.entries(faults).filter(([name]) => !(name in part))))
    setTouched((before) => ({ ...before, ...Object.fromEntries(Object.keys(part).map((name) => [name, 'yes'])) }))
  }
  // the preview says what is wrong while one writes, but not of fields that nobody has come to yet
  const hinted = Object.fromEntries(
    Object.entries(asked.faults).filter(
      ([name]) => name !== 'name' && (page.rule || touched[name.split('.')[0] ?? '']),
    ),
  )
  const shown = { ...hinted, ...faults }
  const metric = page.metrics.find((one) => one.name === (rule.kind === 'forecast' ? rule.labels.metric : rule.metric))
  const idea = suggestedName(rule, metric?.title)
  const save = async () => {
    if (rule.kind === 'composite' && !rule.params.rules) {
      setFaults({ params: t('rule.nothingJoined') })
      return
    }
    const named = rule.name.trim() ? rule : { ...rule, name: idea }
    let warnings: string[] = []
    let saved = page.rule?.id
    const ok = await run(async () => {
      const { team, ...rest } = body(named)
      const answer = page.rule?.id
        ? await send<Saved>('PATCH', `/api/v1/rules/${page.rule.id}`, rest)
        : await send<Saved>('POST', '/api/v1/rules', { team, ...rest, ...(dry === '0' ? {} : { enabled: false }) })
      warnings = answer?.warnings ?? []
      saved = answer?.id ?? saved
      if (dry !== '0' && answer) await tryOut(answer.id, team, Number(dry), rest.enabled !== false && !page.rule)
    })
    // the list is long: it opens at this one, and marks it
    const there = saved ? `${LIST}#rule-${saved}` : LIST
    if (ok && warnings.length) setDone({ warnings, there })
    else if (ok) location.assign(there)
  }
  const speak = async (id: string) => {
    if (await run(() => post(`/api/v1/silences/${id}/end`))) setHushed(hushed.filter((one) => one.id !== id))
  }
  const remove = async () => {
    if (await run(() => send('DELETE', `/api/v1/rules/${page.rule?.id}`))) location.assign(LIST)
  }
  return (
    <>
      <div>
        <nav className="crumb" aria-label={t('crumb')}>
          <a href={LIST}>{t('rules.title')}</a>
          <span aria-hidden="true">/</span>
          <span>{page.rule?.name ?? t('rule.new')}</span>
        </nav>
        <h1>{page.rule ? page.rule.name : t('rule.newTitle')}</h1>
        <p className="lede">{t(may ? 'rule.lede' : 'rule.lookOnly')}</p>
      </div>
      {page.fault && (
        <p className="card note crit" role="alert">
          {t('rule.fault', { why: page.fault })}
        </p>
      )}
      {hushed.map((one) => (
        <p className="card note" key={one.id}>
          <span>{t('rule.hushed', { time: one.ends ? dayTime(one.ends) : '…', why: one.reason })}</span>
          {page.acts.includes(rule.team) && (
            <button type="button" className="btn sm" disabled={busy} onClick={() => void speak(one.id)}>
              {t('rule.hushedEnd')}
            </button>
          )}
        </p>
      ))}
      {done && (
        <div className="card note" role="status">
          <strong>{t('form.saved')}</strong>
          {done.warnings.map((one) => (
            <span className="warn" key={one}>
              {one}
            </span>
          ))}
          <a className="btn sm" href={done.there}>
            {t('rule.toList')}
          </a>
        </div>
      )}
      <form
        className="editor"
        ref={box}
        noValidate
        onSubmit={(e) => {
          e.preventDefault()
          void save()
        }}
      >
        <fieldset className="bare" disabled={!may}>
          <legend className="sr">{t('rule.title')}</legend>
          <section className="card builder">
            <div className="ctl">
              <Pick
                label={t('rule.kind')}
                value={rule.kind}
                options={KINDS.map((kind) => [kind, t(`kind.${kind}`)] as const)}
                help={t(`kindHelp.${rule.kind as Kind}`)}
                fault={shown.kind}
                onChange={(kind) => setRule(asKind(rule, kind as Kind, page.metrics))}
              />
            </div>
            <Sentence rule={rule} set={set} faults={shown} page={page} />
            {rule.kind === 'anomaly' && page.gate && (
              <p className="hint pad num">
                {page.gate}{' '}
                <a className="more" href="/models/">
                  {t('rule.gate')}
                </a>
              </p>
            )}
          </section>
          <section className="card two-up">
            <Text
              label={t('rule.name')}
              value={rule.name}
              placeholder={idea}
              fault={shown.name}
              help={t('rule.nameHelp')}
              onChange={(name) => set({ name })}
            />
            {page.manages.length > 1 && !page.rule && (
              <Pick
                label={t('team')}
                value={rule.team}
                options={page.manages.map((name) => [name, name] as const)}
                onChange={(team) => set({ team, notify: [] })}
              />
            )}
            {hushed.length === 0 && (
              <Pick
                label={t('rule.dry')}
                help={t('rule.dryHelp')}
                value={dry}
                options={DRY.map((one) => [one, t(`rule.dry.${one}`)] as const)}
                onChange={setDry}
              />
            )}
            <Tick label={t('rule.enabled')} checked={rule.enabled} onChange={(enabled) => set({ enabled })} />
          </section>
          <More rule={rule} set={set} faults={shown} />
        </fieldset>
        <PreviewCard asked={asked} rule={rule} metrics={page.metrics} days={days} onDays={setDays} onUse={set} />
        {page.rule && <History versions={page.versions ?? []} may={may} onBack={set} />}
        {may && (
          <div className="ctl foot">
            <button type="submit" className="btn pri" disabled={busy}>
              {t(busy ? 'form.saving' : page.rule ? 'form.save' : 'rule.make')}
            </button>
            <a className="btn" href={LIST}>
              {t('form.cancel')}
            </a>
            <Said failure={failure} />
            <span className="sp" />
            {page.rule && (
              <Confirm
                label={t('rule.delete')}
                question={t('rule.deleteSure')}
                yes={t('rule.delete')}
                busy={busy}
                onYes={() => void remove()}
              />
            )}
          </div>
        )}
      </form>
    </>
  )
}
mount<RuleProps>('rule', (props) => <Editor page={props} />)
