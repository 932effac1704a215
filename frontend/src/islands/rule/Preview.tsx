// What a rule would have done: asked of the hub a moment after the last change, with the engine that judges live.
import { useEffect, useRef, useState } from 'react'
import { type Faults, scaleOf, scalesOf } from '../../alerting/form'
import type { Preview, Rule } from '../../alerting/types'
import type { ChartData } from '../../charts/engine'
import { Sync } from '../../charts/sync'
import { TimeChart } from '../../charts/TimeChart'
import { duration, unitOf } from '../../format'
import { now } from '../../live/clock'
import { getJson, HttpError, post } from '../../live/http'
import type { SeriesAnswer } from '../../types'
import { useOnce } from '../../ui/parts'
import { t, tn } from '../../words'
import { wordsOf } from '../server/series'
import { body } from './model'

const SETTLE_MS = 700
const DAY = 86400
const POINTS = 700

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
const number = (v: number | null | undefined) => (v === null || v === undefined ? Number.NaN : v)

/** One of the servers it speaks of, with the times in which it would have fired. */
function Evidence({ preview, rule }: { preview: Preview; rule: Rule }) {
  const chart = preview.chart
  const sync = useOnce(() => new Sync([now() - preview.days * DAY, now()]))
  const [data, setData] = useState<ChartData | null>(null)
  const fmt = useOnce(() => unitOf(chart?.metric ?? ''))
  const limit = rule.critical ?? rule.warn
  const spans = preview.spans
  const place = useRef('')
  useEffect(() => {
    if (!chart) return
    const key = `${chart.server} ${chart.metric} ${JSON.stringify(chart.labels)} ${preview.days}`
    const mine = spans
      .filter((one) => one.server === chart.server && same(one.labels, chart.labels))
      .map((one) => [one.start, one.end ?? now()] as [number, number])
    const shown = ['threshold', 'forecast', 'anomaly'].includes(rule.kind) ? (limit ?? undefined) : undefined
    setData((before) => {
      if (!before) return before
      sync.redraw()
      return Object.assign(before, { anomalies: mine, threshold: shown, critical: rule.critical !== null })
    })
    if (place.current === key) return
    place.current = key
    const end = now()
    const query = new URLSearchParams({ server: chart.server, metric: chart.metric, points: String(POINTS) })
    query.set('start', String(Math.floor(end - preview.days * DAY)))
    query.set('end', String(Math.ceil(end)))
    void getJson<SeriesAnswer>(`/api/v1/series?${query}`)
      .then((answer) => {
        if (place.current !== key) return
        const found = answer.series.find((one) => same(chart.labels, one.labels))
        const first = found?.v.findIndex((v) => v !== null) ?? -1
        const start = first > 0 ? Math.max(end - preview.days * DAY, (answer.t[first] ?? 0) - 600) : undefined
        sync.home = [start ?? end - preview.days * DAY, end]
        sync.range = sync.home
        setData({
          t: Float64Array.from(found ? answer.t : []),
          lines: [
            {
              key: 'v',
              label: chart.metric,
              color: '--c1',
              values: Float64Array.from(found?.v ?? [], number),
              low: Float64Array.from(found?.min ?? [], number),
              high: Float64Array.from(found?.max ?? [], number),
            },
          ],
          step: Math.max(10, answer.step),
          anomalies: mine,
          threshold: shown,
          critical: rule.critical !== null,
          max: chart.metric.endsWith('_percent') ? 100 : undefined,
          least: chart.metric.includes('_bytes') ? 1000 : undefined,
          words: wordsOf(),
        })
      })
      .catch(() => undefined)
  }, [chart, preview.days, spans, limit, rule.kind, rule.critical, sync])
  if (!chart || !data) return null
  return <TimeChart title={`${chart.name} · ${chart.metric}`} data={data} sync={sync} fmt={fmt} atCursor />
}
const same = (a: Record<string, string>, b: Record<string, string>) =>
  Object.entries(a).every(([key, value]) => b[key] === value)

/** "Would have fired 14 times, 3 at night": the sentence, spoken when it changes. */
export function verdict({ fired, night, short, days }: Preview): string {
  const span = Number.isInteger(days) ? t('preview.days', { n: days }) : duration(Math.round(days * 24) * 3600)
  if (!fired) return t('preview.never', { days: span })
  const parts = [tn('preview.fired', fired, { days: span })]
  if (night) parts.push(t('preview.night', { n: night }))
  if (short) parts.push(t('preview.short', { n: short }))
  return `${parts.join(', ')}.`
}
export function PreviewCard({
  asked,
  rule,
  days,
  onDays,
  onUse,
}: {
  asked: Asked
  rule: Rule
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
              ? t('preview.nothing')
              : verdict(answer)
            : busy
              ? t('preview.asking')
              : fields
                ? t('preview.mend')
                : failure}
        </p>
        {answer && (
          <p className="mut">
            {tn('preview.servers', answer.servers)} {answer.note}
          </p>
        )}
        {answer?.warnings?.map((one) => (
          <p className="warn" key={one}>
            {one}
          </p>
        ))}
        {answer?.suggested && <Suggested rule={rule} suggested={answer.suggested} onUse={onUse} />}
      </div>
      {answer && <Evidence preview={answer} rule={rule} />}
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
