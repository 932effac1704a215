// A chart as a table: every point of the shown time, the newest first.
import { useEffect, useRef, useState } from 'react'
import { dayTime } from '../../format'
import { t } from '../../words'
import type { Board } from './board'
import { type Chart, titleOf } from './series'
import './later.css'

const AT_ONCE = 200

export default function Table({ board, chart, onClose }: { board: Board; chart: Chart; onClose: () => void }) {
  const box = useRef<HTMLDialogElement>(null)
  const [many, setMany] = useState(AT_ONCE)
  useEffect(() => box.current?.showModal(), [])
  const { t: times, lines } = chart.data
  const [from, to] = board.sync.range
  const rows: number[] = []
  for (let i = times.length - 1; i >= 0 && rows.length < many; i--)
    if ((times[i] ?? 0) >= from && (times[i] ?? 0) <= to && lines.some((one) => !Number.isNaN(one.values[i])))
      rows.push(i)
  return (
    <dialog className="card sheet" ref={box} onClose={onClose} aria-labelledby="table-title">
      <header>
        <h2 id="table-title">{titleOf(chart.spec)}</h2>
        <span className="sp" />
        <button type="button" className="btn sm" onClick={() => box.current?.close()}>
          {t('moved.close')}
        </button>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className="scroll" tabIndex={0} aria-labelledby="table-title">
        <table className="grid num">
          <thead>
            <tr>
              <th scope="col">{t('chart.time')}</th>
              {lines.map((line) => (
                <th scope="col" key={line.key}>
                  {line.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((i) => (
              <tr key={i}>
                <th scope="row">{dayTime(times[i] ?? 0)}</th>
                {lines.map((line) => {
                  const v = line.values[i] ?? Number.NaN
                  return <td key={line.key}>{Number.isNaN(v) ? t('value.none') : chart.spec.fmt(v)}</td>
                })}
              </tr>
            ))}
          </tbody>
        </table>
        {!rows.length && <p className="hint pad">{t('server.noSamples')}</p>}
      </section>
      {rows.length === many && (
        <button type="button" className="btn" onClick={() => setMany(many + AT_ONCE)}>
          {t('chart.tableMore')}
        </button>
      )}
    </dialog>
  )
}
