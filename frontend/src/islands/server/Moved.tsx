// "What else moved?": the series that were unlike the time before, most first, and what changed on the machine then.
import { useEffect, useReducer, useRef, useState } from 'react'
import type { Range } from '../../charts/engine'
import { dayTime, duration } from '../../format'
import { getJson } from '../../live/http'
import { t } from '../../words'
import type { Board } from './board'
import { columnOf } from './series'
import type { MovedAnswer } from './types'
import './later.css'

const W = 220
const H = 44

/** The time before and the time in question as one line; the latter stands on a shade. */
function Small({ answer, v }: { answer: MovedAnswer; v: Array<number | null> }) {
  const real = v.filter((one): one is number => one !== null)
  const [low, high] = [Math.min(...real), Math.max(...real)]
  const x = (i: number) => (i / Math.max(1, v.length - 1)) * W
  const y = (one: number) => H - 3 - ((one - low) / (high - low || 1)) * (H - 6)
  let path = ''
  let pen = 'M'
  v.forEach((one, i) => {
    if (one === null) pen = 'M'
    else {
      path += `${pen}${x(i).toFixed(1)} ${y(one).toFixed(1)}`
      pen = 'L'
    }
  })
  const first = answer.t.findIndex((at) => at >= answer.from)
  return (
    <svg viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" className="small" aria-hidden="true">
      <rect x={x(first)} width={W - x(first)} height={H} />
      <path d={path} />
    </svg>
  )
}
export default function Moved({ board, range, onClose }: { board: Board; range: Range; onClose: () => void }) {
  const [answer, setAnswer] = useState<MovedAnswer | null>(null)
  const [fault, setFault] = useState('')
  const [tries, again] = useReducer((n: number) => n + 1, 0)
  const head = useRef<HTMLHeadingElement>(null)
  const [wide, setWide] = useState(false)
  const [from, to] = range
  // the keyboard goes back to where the question was asked
  useEffect(() => {
    const asker = document.activeElement
    return () => (asker instanceof HTMLElement ? asker.focus({ preventScroll: true }) : undefined)
  }, [])
  useEffect(() => {
    const stop = new AbortController()
    setAnswer(null)
    setFault('')
    head.current?.focus()
    const asked = wide ? '/api/v1/moved' : `/api/v1/servers/${board.id}/moved`
    getJson<MovedAnswer>(`${asked}?from=${from}&to=${to}`, stop.signal).then(
      setAnswer,
      (error) => stop.signal.aborted || setFault(error instanceof Error ? error.message : ''),
    )
    return () => stop.abort()
  }, [board.id, from, to, tries, wide])
  return (
    <section
      className="card moved"
      role="dialog"
      aria-labelledby="moved-title"
      onKeyDown={(e) => {
        if (e.key !== 'Escape') return
        e.preventDefault()
        e.stopPropagation()
        onClose()
      }}
    >
      <header>
        <h2 id="moved-title" ref={head} tabIndex={-1}>
          {t('server.moved')}
        </h2>
        <span className="dim num">{t('moved.span', { from: dayTime(from), age: duration(to - from) })}</span>
        <span className="sp" />
        <button type="button" className="btn sm" aria-pressed={wide} onClick={() => setWide(!wide)}>
          {t('moved.wide')}
        </button>
        <button type="button" className="btn sm" onClick={onClose}>
          {t('moved.close')}
        </button>
      </header>
      <p className="verdict pad" role="status">
        {answer ? answer.sentence : fault ? '' : t('moved.asking')}
      </p>
      {fault && (
        <p className="crit pad" role="alert">
          {t('moved.failed', { why: fault })}{' '}
          <button type="button" className="btn sm" onClick={again}>
            {t('server.retry')}
          </button>
        </p>
      )}
      {answer && answer.changes.length > 0 && (
        <ul className="lines pad">
          {answer.changes.map(({ at, text }) => (
            <li key={`${at}${text}`}>
              <span className="dim num">{dayTime(at)}</span> {text}
            </li>
          ))}
        </ul>
      )}
      {answer?.groups && answer.groups.length > 0 && (
        <p className="dim pad num">
          {t('moved.together')}{' '}
          {answer.groups.map(({ metric, kind, title, count }) => (
            <span className="tag" key={`${metric}${kind}`}>
              {title} · {count}
            </span>
          ))}
        </p>
      )}
      {answer && (
        <ol className="ranked">
          {answer.series.map((one) => (
            <li key={`${one.server?.id ?? ''}${columnOf(one)}`}>
              <div>
                <b>
                  {one.server && <a href={`${one.server.url}?from=${from}&to=${to}`}>{one.server.name}</a>} {one.title}
                </b>
                <p className="num">
                  <span className={`kind ${one.kind}`}>{t(kindWord(one.kind))}</span> {one.text}
                </p>
                <meter min={0} max={1} value={one.score} aria-label={t('moved.score')} />
              </div>
              <Small answer={answer} v={one.v} />
            </li>
          ))}
        </ol>
      )}
      {answer && answer.moved > answer.series.length && (
        <p className="dim pad">{t('moved.more', { n: answer.moved - answer.series.length })}</p>
      )}
    </section>
  )
}
const KINDS = {
  up: 'moved.up',
  down: 'moved.down',
  restless: 'moved.restless',
  calm: 'moved.calm',
  began: 'moved.began',
  stopped: 'moved.stopped',
} as const
const kindWord = (kind: string) => KINDS[kind as keyof typeof KINDS] ?? 'moved.up'
