// What a rule would have done: asked of the hub a moment after the last change, with the engine that judges live.
import { lazy, Suspense, useEffect, useState } from 'react'
import { type Faults, scaleOf, scalesOf } from '../../alerting/form'
import type { Metric, Preview, Rule } from '../../alerting/types'
import { duration } from '../../format'
import { HttpError, post } from '../../live/http'
import { Skeleton } from '../../ui/parts'
import { t, tn } from '../../words'
import { body } from './model'

const Evidence = lazy(() => import('./Evidence'))
const SETTLE_MS = 700

export interface Asked {
  answer: Preview | null
  faults: Faults
  failure: string
  busy: boolean
}
/** Asks when the rule stands still for a moment; an answer to an older question is thrown away. */
export function usePreview(rule: Rule, days: number): Asked {
  const [asked, setAsked] = useState<Asked>({ answer: null, faults: {}, failure: '', busy: true })
  const question = JSON.stringify({ ...body(rule), name: rule.name.trim() || t('rule.unnamed'), days })
  useEffect(() => {
    const stop = new AbortController()
    const ask = async () => {
      setAsked((before) => ({ ...before, busy: true }))
      try {
        const answer = await post<Preview>('/api/v1/rules/preview', JSON.parse(question), stop.signal)
        setAsked({ answer, faults: {}, failure: '', busy: false })
      } catch (error) {
        if (stop.signal.aborted) return
        const fields = error instanceof HttpError ? error.fields : {}
        const failure = error instanceof Error ? error.message : ''
        setAsked({ answer: null, faults: fields, failure, busy: false })
      }
    }
    const timer = setTimeout(() => void ask(), SETTLE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [question])
  return asked
}
/** Whole days where they were asked for; of a young past hours and minutes, never none. */
const spanOf = (days: number) =>
  days >= 1 && Number.isInteger(days)
    ? t('preview.days', { n: days })
    : duration(days > 1 ? Math.round(days * 24) * 3600 : Math.max(1, Math.round(days * 1440)) * 60)

/** Why there is nothing to show, and when there will be: the case of a fresh server, or of a rule over rules. */
export function nothing({ servers, checks = 0, note }: Preview, rule: Rule, days: number): [string, string] {
  if (rule.kind === 'composite') return [t('preview.noReplay'), '']
  if (!servers && !checks) return [t('preview.noServers'), '']
  return [t('preview.nothing'), note || t('preview.nothingWhy', { days: t('preview.days', { n: days }) })]
}
/** Of whom it speaks: of checks that stand alone where what it is about is theirs. */
export function speaksOf({ servers, checks = 0 }: Preview, rule: Rule): string {
  const also = checks > 0 && rule.metric.startsWith('check_')
  const said = servers || !also ? [tn('preview.servers', servers)] : []
  return [...said, ...(also ? [tn('preview.checks', checks)] : [])].join(' ')
}
/** What it would cost those who are told. */
function weekly(perWeek: number | undefined): string {
  if (perWeek === undefined) return ''
  return perWeek < 0.1 ? t('preview.weeklyNone') : tn('preview.weekly', perWeek)
}
/** "Would have fired 14 times, 3 at night": the sentence, spoken when it changes. */
export function verdict({ fired, night, short, days }: Preview): string {
  const span = spanOf(days)
  if (!fired) return t('preview.never', { days: span })
  const parts = [tn('preview.fired', fired, { days: span })]
  if (short) parts.push(t('preview.short', { n: short }))
  if (night) parts.push(t('preview.night', { n: night }))
  return `${parts.join(', ')}.`
}
export function PreviewCard({
  asked,
  rule,
  metrics,
  days,
  onDays,
  onUse,
}: {
  asked: Asked
  rule: Rule
  metrics: Metric[]
  days: number
  onDays: (days: number) => void
  onUse: (part: Partial<Rule>) => void
}) {
  const { answer, failure, faults, busy } = asked
  const fields = Object.keys(faults).length > 0
  return (
    <section className="card preview" aria-label={t('preview.title')} aria-busy={busy}>
      <header className="wrap">
        <h2>{t('preview.title')}</h2>
        <span className="sp" />
        <fieldset className="seg" aria-label={t('preview.span')}>
          {[1, 7, 30].map((one) => (
            <button type="button" key={one} aria-pressed={one === days} onClick={() => onDays(one)}>
              {t('preview.days', { n: one })}
            </button>
          ))}
        </fieldset>
      </header>
      <div className="pad">
        <p className={`verdict${busy ? ' dim' : ''}`} role="status">
          {answer
            ? answer.judged === 0
              ? nothing(answer, rule, days)[0]
              : verdict(answer)
            : busy
              ? t('preview.asking')
              : fields
                ? t('preview.mend')
                : failure}
        </p>
        {answer && (
          <p className="mut">
            {speaksOf(answer, rule)} {answer.judged === 0 ? nothing(answer, rule, days)[1] : answer.note}
            {answer.judged !== 0 && answer.fired > 0 && ` ${weekly(answer.messages_per_week)}`}
            {answer.judged !== 0 && answer.days < days / 2 && ` ${t('preview.young', { days: spanOf(answer.days) })}`}
          </p>
        )}
        {answer?.warnings?.map((one) => (
          <p className="warn" key={one}>
            {one}
          </p>
        ))}
        {answer?.suggested && <Suggested rule={rule} suggested={answer.suggested} onUse={onUse} />}
      </div>
      {answer && (
        <Suspense fallback={answer.chart ? <Skeleton height={250} /> : null}>
          <Evidence preview={answer} rule={rule} metrics={metrics} onUse={onUse} />
        </Suspense>
      )}
      {answer && answer.spans.length > 0 && <Spans preview={answer} />}
    </section>
  )
}
function Suggested({
  rule,
  suggested,
  onUse,
}: {
  rule: Rule
  suggested: NonNullable<Preview['suggested']>
  onUse: (part: Partial<Rule>) => void
}) {
  const { fired, ...limits } = suggested
  const value = limits.critical ?? limits.warn
  if (value === undefined) return null
  const scales = scalesOf(rule.metric)
  const scale = scaleOf(value, scales)
  const unit = scales.find(([one]) => one === scale)?.[1] ?? ''
  const text = `${+(value / scale).toPrecision(6)}${unit ? ` ${unit}` : ''}`
  return (
    <p className="suggest">
      {fired ? tn('preview.suggest', fired, { value: text }) : t('preview.suggestNone', { value: text })}
      <button
        type="button"
        className="btn sm"
        onClick={() => onUse({ ...limits, warn_recover: null, critical_recover: null })}
      >
        {t('preview.use', { value: text })}
      </button>
    </p>
  )
}
/** The same as a table, for those who cannot see the picture. */
function Spans({ preview }: { preview: Preview }) {
  return (
    <details className="more-of">
      <summary>{t('preview.table')}</summary>
      <div className="scroll">
        <table className="grid">
          <thead>
            <tr>
              <th scope="col">{t('preview.server')}</th>
              <th scope="col">{t('preview.from')}</th>
              <th scope="col">{t('preview.lasted')}</th>
            </tr>
          </thead>
          <tbody>
            {preview.spans.map((one) => (
              <tr key={`${one.server}${JSON.stringify(one.labels)}${one.start}`}>
                <td>
                  {one.name} {Object.values(one.labels).join(', ')}
                </td>
                <td className="num">{new Date(one.start * 1000).toLocaleString()}</td>
                <td className="num">{one.end === null ? t('preview.still') : duration(one.end - one.start)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
