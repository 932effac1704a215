// One of the servers a rule speaks of: its past, the times in which the rule would have fired, and the limit to drag.
import { useEffect, useRef, useState } from 'react'
import type { Metric, Preview, Rule } from '../../alerting/types'
import type { ChartData } from '../../charts/engine'
import { Sync } from '../../charts/sync'
import { TimeChart } from '../../charts/TimeChart'
import { unitOf } from '../../format'
import { now } from '../../live/clock'
import { getJson } from '../../live/http'
import type { SeriesAnswer } from '../../types'
import { useOnce } from '../../ui/parts'
import { wordsOf } from '../server/series'
import { Handle } from './Handle'

const DAY = 86400
const POINTS = 700
const number = (v: number | null | undefined) => (v === null || v === undefined ? Number.NaN : v)

export default function Evidence({
  preview,
  rule,
  metrics,
  onUse,
}: {
  preview: Preview
  rule: Rule
  metrics: Metric[]
  onUse: (part: Partial<Rule>) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const chart = preview.chart
  const sync = useOnce(() => new Sync([now() - Math.max(preview.days * DAY, 3600), now()]))
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
    const ask = (from: number) => {
      const query = new URLSearchParams({ server: chart.server, metric: chart.metric, points: String(POINTS) })
      query.set('start', String(Math.floor(from)))
      query.set('end', String(Math.ceil(end)))
      return getJson<SeriesAnswer>(`/api/v1/series?${query}`)
    }
    const near = Math.min(end - 3600, ...spans.map((one) => one.start - 1800))
    // days are told with one decimal: of a server that came today they may be none
    const long = Math.min(end - preview.days * DAY, near)
    // of a server that is new there are only samples yet, and those are asked for by a shorter time
    const told = (answer: SeriesAnswer) => answer.series.some((one) => one.v.some((v) => v !== null))
    void ask(long)
      .then((answer) => (told(answer) || near <= long ? answer : ask(near)))
      .then((answer) => {
        if (place.current !== key) return
        const found = answer.series.find((one) => same(chart.labels, one.labels))
        const first = found?.v.findIndex((v) => v !== null) ?? -1
        const start = first > 0 ? Math.max(long, (answer.t[first] ?? 0) - 600) : undefined
        sync.home = [start ?? answer.t[0] ?? long, end]
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
  const which = rule.critical === null ? 'warn' : 'critical'
  const what = metrics.find(({ name }) => name === chart.metric)?.title ?? chart.metric
  const title = [chart.name, what, ...Object.values(chart.labels)].join(' · ')
  const movable = rule.kind === 'threshold' && limit !== null && !rule.params.per
  return (
    <div className="dragging" ref={box}>
      <TimeChart title={title} data={data} sync={sync} fmt={fmt} atCursor />
      {movable && (
        <Handle
          data={data}
          sync={sync}
          box={box}
          value={limit}
          tone={which === 'critical' ? 'crit' : 'warn'}
          fmt={fmt}
          onMove={(value) => onUse({ [which]: value, [`${which}_recover`]: null })}
        />
      )}
    </div>
  )
}
const same = (a: Record<string, string>, b: Record<string, string>) =>
  Object.entries(a).every(([key, value]) => b[key] === value)
