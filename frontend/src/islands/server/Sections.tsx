// Every series the server tells that the charts above do not: in sections, fetched when one is opened, found by a word.
import { useEffect, useMemo, useReducer, useState } from 'react'
import type { Range } from '../../charts/engine'
import { contrast } from '../../charts/said'
import { TimeChart } from '../../charts/TimeChart'
import { plain, unitOf } from '../../format'
import { getJson } from '../../live/http'
import { t } from '../../words'
import { type Board, fetchHistory, fetchOther } from './board'
import { menuOf } from './menu'
import { shiftOf } from './place'
import { Chart, columnOf, type Spec } from './series'
import type { PageProps, Section } from './types'
import './later.css'

const ABOVE = new Set([
  'cpu_used_percent', 'cpu_iowait_percent', 'memory_used_percent', 'swap_used_percent', 'load1', 'load5', 'load15',
]) // biome-ignore format: a list
const LINES = 4
const AT_ONCE = 12 // charts of one section; the rest is a click away
const MOST_METRICS = 50
const FULL = /_(used|util|idle|user|system|steal|worn)_percent$/
interface Acts {
  onTable: (chart: Chart) => void
  onMoved: (range?: Range) => void
}
/** The charts of a section: a metric each, a few lines on one, those that fit the words typed. */
export function specsOf(section: Section, words: string): Spec[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (text: string) => wanted.every((word) => text.toLowerCase().includes(word))
  return section.charts
    .filter(({ metric }) => !ABOVE.has(metric))
    .flatMap(({ metric, title, sets }) => {
      const whole = fits(`${section.title} ${title} ${metric}`)
      const mine = sets.filter(({ name }) => whole || fits(`${section.title} ${title} ${metric} ${name}`))
      const groups = Math.ceil(mine.length / LINES)
      return Array.from({ length: groups }, (_, i): Spec => {
        const few = mine.slice(i * LINES, (i + 1) * LINES)
        const names = new Map(few.map(({ labels, name }) => [columnOf({ metric, labels }), name || title]))
        const shown =
          groups > 1 || sets.length === 1 || mine.length < sets.length
            ? few.map(({ name }) => name).filter(Boolean)
            : []
        return {
          id: `${metric}${i ? `-${i}` : ''}`,
          title: '',
          text: shown.length ? `${title} · ${shown.join(', ')}` : title,
          ...(FULL.test(metric) ? { max: 100 } : {}),
          fmt: (v) =>
            metric.includes('_bytes') || metric.includes('_percent') ? unitOf(metric)(v) : written(metric, v),
          ...(metric.includes('_bytes') ? { least: 1000 } : {}),
          parts: [{ metric, lines: (labels) => names.get(columnOf({ metric, labels })) ?? null }],
        }
      })
    })
}
const written = (metric: string, v: number) => (/_(seconds|celsius)$/.test(metric) ? unitOf(metric)(v) : plain(v))

export default function Sections({ board, props, ...acts }: { board: Board; props: PageProps } & Acts) {
  const { id, sync, version, place } = board
  const [found, setFound] = useState<Section[] | null>(null)
  const [fault, setFault] = useState('')
  const [words, setWords] = useState('')
  const [tries, again] = useReducer((n: number) => n + 1, 0)
  const begun = version > 0
  useEffect(() => {
    if (!begun) return
    const stop = new AbortController()
    const [start, end] = [Math.floor(sync.range[0]), Math.ceil(sync.range[1])]
    getJson<{ sections: Section[] }>(`/api/v1/servers/${id}/catalogue?start=${start}&end=${end}`, stop.signal).then(
      ({ sections }) => {
        setFound(sections)
        setFault('')
      },
      (error) => stop.signal.aborted || setFault(error instanceof Error ? error.message : ''),
    )
    return () => stop.abort()
  }, [id, sync, begun, place.span, place.fixed, tries])
  const shown = useMemo(
    () =>
      (found ?? []).map((section) => ({ section, specs: specsOf(section, words) })).filter(({ specs }) => specs.length),
    [found, words],
  )
  if (fault)
    return (
      <p className="card note" role="status">
        {t('server.sectionsFailed', { why: fault })}{' '}
        <button type="button" className="btn sm" onClick={again}>
          {t('server.retry')}
        </button>
      </p>
    )
  if (!found) return <div className="later" />
  const linked = (specs: Spec[]) => specs.some(({ id }) => id === place.chart)
  return (
    <section className="sections" aria-label={t('server.everything')}>
      <header>
        <h2>{t('server.everything')}</h2>
        <span className="sp" />
        <input
          type="search"
          className="filter"
          placeholder={t('server.filterSeries')}
          aria-label={t('server.filterSeries')}
          value={words}
          onChange={(e) => setWords(e.currentTarget.value)}
        />
      </header>
      {!shown.length && <p className="hint pad">{found.length ? t('server.noneFits') : t('server.nothingElse')}</p>}
      {shown.map(({ section, specs }) => (
        <Fold
          key={section.id}
          section={section}
          specs={specs}
          board={board}
          props={props}
          open={linked(specs) || (words.length > 2 && shown.length === 1)}
          {...acts}
        />
      ))}
    </section>
  )
}
function Fold({
  section,
  specs,
  board,
  props,
  open,
  ...acts
}: { section: Section; specs: Spec[]; board: Board; props: PageProps; open: boolean } & Acts) {
  const [opened, setOpened] = useState(false)
  const is = opened || open
  const count = specs.length
  return (
    <details className="card fold" open={is} onToggle={(e) => setOpened(e.currentTarget.open)}>
      <summary>
        <h3>{section.title}</h3>
        <span className="dim num">{t('server.seriesCount', { n: section.series })}</span>
      </summary>
      {is && count > 0 && (
        <Inside
          key={specs.map(({ id, text }) => id + text).join()}
          specs={specs}
          board={board}
          props={props}
          {...acts}
        />
      )}
    </details>
  )
}
/** The charts of an open section, filled as those above are. */
function Inside({ specs, board, props, ...acts }: { specs: Spec[]; board: Board; props: PageProps } & Acts) {
  const { id, interval, sync, hearers, version, around, place } = board
  const [many, setMany] = useState(AT_ONCE)
  const [fault, setFault] = useState('')
  const [, renew] = useReducer((n: number) => n + 1, 0)
  const [tries, again] = useReducer((n: number) => n + 1, 0)
  const charts = useMemo(() => specs.slice(0, many).map((spec) => new Chart(spec, interval)), [specs, many, interval])
  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const metrics = [...new Set(charts.flatMap(({ spec }) => spec.parts.map(({ metric }) => metric)))].slice(
      0,
      MOST_METRICS,
    )
    const range = sync.range
    const other = fetchOther(id, metrics, range, place.compare, signal).catch(() => null)
    fetchHistory(id, metrics, range, signal).then(
      async (answer) => {
        for (const chart of charts) chart.load(answer)
        for (const chart of charts) chart.dress(around)
        setFault('')
        renew()
        sync.redraw()
        const then = await other
        if (signal.aborted || !then) return
        for (const chart of charts) chart.compare(then, shiftOf(place.compare))
        renew()
        sync.redraw()
      },
      (error) => {
        if (signal.aborted) return
        for (const chart of charts) chart.fail()
        setFault(error instanceof Error ? error.message : '')
        sync.redraw()
      },
    )
    return () => stop.abort()
  }, [id, charts, place.span, place.fixed, place.compare, tries])
  useEffect(() => {
    for (const chart of charts) chart.dress(around)
    sync.redraw()
  }, [charts, around, sync])
  useEffect(() => {
    const hear = (news: Parameters<Board['append']>[0]) => {
      const changed = charts.map((chart) => chart.append(news.t, news.series))
      if (changed.some(Boolean)) renew()
    }
    hearers.add(hear)
    return () => void hearers.delete(hear)
  }, [charts, hearers])
  return (
    <>
      {fault && (
        <p className="note crit pad" role="alert">
          {t('server.sectionFailed', { why: fault })}{' '}
          <button type="button" className="btn sm" onClick={again}>
            {t('server.retry')}
          </button>
        </p>
      )}
      <div className="charts" data-version={version}>
        {charts.map((chart) => (
          <TimeChart
            key={chart.spec.id}
            id={`chart-${chart.spec.id}`}
            title={chart.spec.text ?? ''}
            data={chart.data}
            fmt={chart.spec.fmt}
            sync={sync}
            note={place.compare ? contrast(chart.data, sync.range) : ''}
            menu={menuOf(chart, board, props, acts)}
          />
        ))}
      </div>
      {specs.length > many && (
        <button type="button" className="btn" onClick={() => setMany(many + AT_ONCE)}>
          {t('server.moreCharts', { n: specs.length - many })}
        </button>
      )}
    </>
  )
}
