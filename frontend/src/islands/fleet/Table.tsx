import { memo, useMemo, useRef, useState } from 'react'
import { Spark } from '../../charts/Spark'
import { ago } from '../../format'
import type { Server } from '../../types'
import { Bar, Demo, face, isFresh, Segments, Status } from '../../ui/parts'
import { count, t } from '../../words'
import { rows } from './model'
import type { Traces } from './trace'

const ROW = 46
const SMALL_ROW = 58
const SMALL = '(max-width: 820px)'
const rowHeight = () => (matchMedia(SMALL).matches ? SMALL_ROW : ROW)

const Cells = memo(
  ({ server, fresh, age, trace }: { server: Server; fresh: boolean; age: string; trace: Float32Array }) => {
    const { tone, word } = face(server)
    return (
      <>
        <td className="nm">
          <a href={server.url}>{server.name}</a>
          <span>
            {server.demo && <Demo />}
            {[...server.tags.slice(0, 2), server.os].filter(Boolean).join(' · ') || server.team}
          </span>
        </td>
        <td>
          <Status s={tone}>{word}</Status>
        </td>
        {(['cpu', 'memory', 'disk'] as const).map((key) => (
          <td key={key}>
            <Bar v={server[key]} fresh={fresh} />
          </td>
        ))}
        <td>
          <Spark v={trace} max={100} c={tone === 'crit' ? '--map-crit' : tone === 'warn' ? '--map-warn' : '--c1'} />
          <span className="sr">{t('fleet.sparkOf')}</span>
        </td>
        <td className="dim num">{age}</td>
      </>
    )
  },
)
export function Table({ servers, traces, at }: { servers: Server[]; traces: Traces; at: number }) {
  const [top, setTop] = useState(0)
  const [query, setQuery] = useState('')
  const [show, setShow] = useState<'all' | 'bad'>('all')
  const frame = useRef(0)
  const list = useMemo(() => rows(servers, query, show), [servers, query, show])
  const height = rowHeight()
  const from = Math.max(0, Math.floor(top / height) - 4)
  const view = list.slice(from, from + 20)
  const heads = [
    t('fleet.server'),
    t('fleet.status'),
    t('metric.cpu'),
    t('metric.memory'),
    t('metric.diskFull'),
    t('fleet.spark'),
    t('fleet.seen'),
  ]
  return (
    <section className="card tbl" aria-label={t('fleet.servers')}>
      <div className="tools">
        <h2>{t('fleet.servers')}</h2>
        <span className="dim num">{count(list.length)}</span>
        <span className="sp" />
        <input
          className="inp"
          type="search"
          placeholder={t('fleet.filter')}
          aria-label={t('fleet.filterLabel')}
          value={query}
          onChange={(e) => {
            setQuery(e.target.value)
            setTop(0)
          }}
        />
        <Segments
          label={t('fleet.show')}
          options={[
            [t('fleet.all'), 'all'],
            [t('fleet.problems'), 'bad'],
          ]}
          value={show}
          onPick={setShow}
        />
      </div>
      {list.length === 0 ? (
        <p className="hint pad">{t('fleet.noMatch', { n: count(servers.length) })}</p>
      ) : (
        <div
          className="vp"
          style={{ height: Math.min(540, 36 + list.length * height) }}
          onScroll={(e) => {
            const y = e.currentTarget.scrollTop
            cancelAnimationFrame(frame.current)
            frame.current = requestAnimationFrame(() => setTop(y))
          }}
        >
          {/* a real table: only the rows in view exist, padding stands in for the rest */}
          <table aria-label={t('fleet.servers')} aria-rowcount={list.length + 1}>
            <thead>
              <tr className="row h" aria-rowindex={1}>
                {heads.map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody
              style={{
                paddingTop: from * height,
                paddingBottom: Math.max(0, list.length - from - view.length) * height,
              }}
            >
              {view.map((server, i) => (
                <tr className="row" aria-rowindex={from + i + 2} key={server.id}>
                  <Cells
                    server={server}
                    fresh={isFresh(server, at)}
                    age={server.seen === null ? t('age.never') : ago(at - server.seen)}
                    trace={traces.of(server.id)}
                  />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
