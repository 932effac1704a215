// The time that all charts show: ready-made lengths, one's own, steps, and what it is compared with.
import { lazy, Suspense, useEffect, useState } from 'react'
import { on } from '../../keys'
import { Segments } from '../../ui/parts'
import { type Key, t } from '../../words'
import type { Board } from './board'
import { SPANS } from './place'
import type { PageProps } from './types'

const Custom = lazy(() => import('./Custom'))
const ZOOM_OUT = 2

const compares = (board: Board, others: PageProps['others']): Array<[string, string]> => {
  const { compare } = board.place
  const found: Array<[string, string]> = [
    ['', t('server.compareNone')],
    ['day', t('server.compareDay')],
    ['week', t('server.compareWeek')],
  ]
  for (const { id, name } of others) found.push([`server:${id}`, name])
  if (!found.some(([value]) => value === compare)) found.push([compare, t('server.compareOther')])
  return found
}
export function RangeBar({
  board,
  others,
  onMoved,
}: {
  board: Board
  others: PageProps['others']
  onMoved: () => void
}) {
  const { sync, place, pick, compare, loaded } = board
  const [own, setOwn] = useState(false)
  useEffect(() => {
    const steps = ['', 'day', 'week']
    const off = [
      on('[', () => sync.step(-1), t('server.keyBack')),
      on(']', () => sync.step(1), t('server.keyForward')),
      on('-', () => sync.zoom(ZOOM_OUT), t('server.zoomOut')),
      on('+', () => sync.zoom(1 / ZOOM_OUT), t('server.zoomIn')),
      on('c', () => compare(steps[(steps.indexOf(place.compare) + 1) % steps.length] ?? ''), t('server.compare')),
      on('m', () => onMoved(), t('server.moved')),
      // the chart that has the keyboard acts on these itself: here they are only told of
      on('shift+ArrowLeft', () => {}, t('server.keySelect')),
    ]
    return () => {
      for (const one of off) one()
    }
  }, [sync, compare, place.compare, onMoved])
  return (
    <>
      <div className="ctl range" role="toolbar" aria-label={t('server.range')}>
        <Segments
          label={t('server.range')}
          options={SPANS.map(([name, seconds]) => [t(`server.r${name}` as Key), seconds] as const)}
          value={place.fixed ? null : place.span}
          onPick={pick}
        />
        <button
          type="button"
          className="btn"
          aria-expanded={own}
          aria-pressed={!!place.fixed}
          onClick={() => setOwn(!own)}
        >
          {t('server.own')}
        </button>
        <fieldset className="seg" aria-label={t('server.steps')}>
          <button
            type="button"
            aria-label={t('server.keyBack')}
            title={`${t('server.keyBack')}  [`}
            onClick={() => sync.step(-1)}
          >
            ‹
          </button>
          <button
            type="button"
            aria-label={t('server.zoomOut')}
            title={`${t('server.zoomOut')}  −`}
            onClick={() => sync.zoom(ZOOM_OUT)}
          >
            −
          </button>
          <button
            type="button"
            aria-label={t('server.zoomIn')}
            title={`${t('server.zoomIn')}  +`}
            onClick={() => sync.zoom(1 / ZOOM_OUT)}
          >
            +
          </button>
          <button
            type="button"
            aria-label={t('server.keyForward')}
            title={`${t('server.keyForward')}  ]`}
            onClick={() => sync.step(1)}
          >
            ›
          </button>
        </fieldset>
        <label className="field-in">
          <span className="sr">{t('server.compare')}</span>
          <select
            className={place.compare ? 'picked' : ''}
            value={place.compare}
            onChange={(e) => compare(e.currentTarget.value)}
          >
            {compares(board, others).map(([value, text]) => (
              <option key={value} value={value}>
                {value ? t('server.compareWith', { what: text }) : text}
              </option>
            ))}
          </select>
        </label>
        <span className="sp" />
        <span className="sr" aria-live="polite">
          {loaded === 'loading' ? t('server.loading') : ''}
        </span>
        {place.fixed && (
          <button type="button" className="btn" onClick={() => sync.reset()}>
            {t('server.reset')}
          </button>
        )}
        <button type="button" className={`btn${place.fixed ? ' pri' : ''}`} onClick={() => onMoved()} title="m">
          {t('server.moved')}
        </button>
      </div>
      {own && (
        <Suspense fallback={null}>
          <Custom board={board} onDone={() => setOwn(false)} />
        </Suspense>
      )}
    </>
  )
}
