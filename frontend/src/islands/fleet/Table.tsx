import { lazy, memo, type ReactNode, Suspense, useEffect, useMemo, useRef, useState } from 'react'
import { Spark } from '../../charts/Spark'
import { ago, plain, rate } from '../../format'
import { on } from '../../keys'
import type { Server } from '../../types'
import { Bar, Demo, face, isFresh, Segments, Status } from '../../ui/parts'
import { count, type Key, t } from '../../words'
import { COLUMNS, type Column, USUAL } from './rows'
import type { Fleet } from './store'
import type { useAddress } from './useFleet'
import { useRows, useSparks, useTest } from './useRows'

const ROW = 46
const SMALL_ROW = 58
const SMALL = '(max-width: 820px)'
const VIEW = 20
const EMPTY = new Float32Array(2).fill(Number.NaN)
const rowHeight = () => (matchMedia(SMALL).matches ? SMALL_ROW : ROW)
const Tools = lazy(() => import('./Tools'))
const Bulk = lazy(() => import('./Bulk'))

const WIDTHS: Record<Column, string> = {
  status: '122px',
  cpu: 'minmax(96px, 1fr)',
  memory: 'minmax(96px, 1fr)',
  disk: 'minmax(96px, 1fr)',
  net: '104px',
  load: '64px',
  spark: '130px',
  seen: '92px',
  role: 'minmax(80px, .6fr)',
  site: 'minmax(80px, .6fr)',
  os: 'minmax(100px, .7fr)',
  tags: 'minmax(100px, .8fr)',
  environment: '96px',
  team: 'minmax(80px, .6fr)',
}
export const headOf = (column: Column): string => {
  if (column === 'disk') return t('metric.diskFull')
  if (column === 'net') return t('metric.network')
  if (column === 'cpu' || column === 'memory' || column === 'load') return t(`metric.${column}`)
  return t(`fleet.${column}` as Key)
}
/** Columns as the address has them, known ones only. */
const columnsOf = (text: string | null): Column[] => {
  const asked = text?.split(',') ?? []
  const found = COLUMNS.filter((column) => asked.includes(column))
  return found.length ? found : USUAL
}
const value = (server: Server, column: Column, fresh: boolean): ReactNode => {
  if (column === 'status') {
    const { tone, word } = face(server)
    return <Status s={tone}>{word}</Status>
  }
  if (column === 'cpu' || column === 'memory' || column === 'disk') return <Bar v={server[column]} fresh={fresh} />
  if (column === 'net' || column === 'load') {
    const known = fresh ? server[column] : null
    return <span className={known === null ? 'dim' : 'num'}>{column === 'net' ? rate(known) : plain(known)}</span>
  }
  if (column === 'tags') return <span className="cut dim">{server.tags.join(', ')}</span>
  return <span className="cut dim">{server[column as 'role' | 'site' | 'os' | 'team' | 'environment']}</span>
}
const Value = memo(({ server, column, fresh }: { server: Server; column: Column; fresh: boolean }) => (
  <td>{value(server, column, fresh)}</td>
))
const SparkCell = memo(({ tone, v }: { tone: string; v: Float32Array | undefined }) => (
  <td>
    <Spark v={v ?? EMPTY} max={100} c={tone === 'crit' ? '--map-crit' : tone === 'warn' ? '--map-warn' : '--c1'} />
    <span className="sr">{t('fleet.sparkOf')}</span>
  </td>
))
const Name = memo(({ server }: { server: Server }) => (
  <td className="nm">
    <a href={server.url}>{server.name}</a>
    <span>
      {server.demo && <Demo />}
      {[...server.tags.slice(0, 2), server.os].filter(Boolean).join(' · ') || server.team}
    </span>
  </td>
))
function Head({
  columns,
  sort,
  onSort,
  picked,
}: {
  columns: Column[]
  sort: string
  onSort: (sort: string | null) => void
  picked: ReactNode
}) {
  const head = (key: string, word: string) => {
    const way = sort === key ? 'ascending' : sort === `-${key}` ? 'descending' : 'none'
    const greatest = ['cpu', 'memory', 'disk', 'net', 'load', 'spark', 'seen'].includes(key)
    const [one, two] = greatest ? [`-${key}`, key] : [key, `-${key}`]
    return (
      <th key={key} scope="col" aria-sort={way}>
        <button type="button" onClick={() => onSort(sort === one ? two : sort === two ? null : one)}>
          {word}
          <span aria-hidden="true">{way === 'none' ? '' : way === 'ascending' ? ' ↑' : ' ↓'}</span>
        </button>
      </th>
    )
  }
  return (
    <>
      {picked}
      {head('name', t('fleet.server'))}
      {columns.map((column) => head(column, headOf(column)))}
    </>
  )
}
interface Props {
  fleet: Fleet
  at: number
  address: ReturnType<typeof useAddress>
}
/** The chosen ones, kept while rows come and go. */
function useChosen(list: Server[], may: boolean) {
  const [chosen, set] = useState<ReadonlySet<string>>(new Set())
  const last = useRef<string | null>(null)
  const flip = (id: string, range = false) => {
    const next = new Set(chosen)
    const [from, to] = [list.findIndex((one) => one.id === last.current), list.findIndex((one) => one.id === id)]
    if (range && from >= 0) for (const one of list.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(one.id)
    else if (!next.delete(id)) next.add(id)
    last.current = id
    set(next)
  }
  const all = () => set(list.every((one) => chosen.has(one.id)) ? new Set() : new Set(list.map((one) => one.id)))
  return { chosen, flip, all, none: () => set(new Set()), may }
}
/** `j` and `k` move through the rows, `x` chooses, `/` goes to the filter. */
function useKeys(
  list: Server[],
  choose: (id: string) => void,
  see: (at: number) => void,
  input: { current: HTMLInputElement | null },
) {
  const [place, setPlace] = useState(-1)
  const now = useRef({ list, choose, place, see })
  now.current = { list, choose, place, see }
  useEffect(() => {
    const move = (by: number) => {
      const { list: rows, place: from, see: show } = now.current
      const next = Math.max(0, Math.min(rows.length - 1, from + by))
      setPlace(next)
      show(next)
    }
    const here = () => now.current.list[now.current.place]
    const free = [
      on('j', () => move(1), t('fleet.keyDown')),
      on('k', () => move(-1), t('fleet.keyUp')),
      on('x', () => here() && now.current.choose(here()?.id ?? ''), t('fleet.keyChoose')),
      on('Enter', () => here() && location.assign(here()?.url ?? '/'), t('fleet.keyOpen')),
      on('/', () => input.current?.focus(), t('fleet.filterLabel')),
    ]
    return () => {
      for (const one of free) one()
    }
  }, [input])
  return list[place]?.id
}
export function Table({ fleet, at, address: [params, change, whole] }: Props) {
  const [top, setTop] = useState(0)
  const frame = useRef(0)
  const box = useRef<HTMLDivElement>(null)
  const input = useRef<HTMLInputElement>(null)
  const query = params.get('q') ?? ''
  const show = params.get('show') === 'bad' ? 'bad' : 'all'
  const sort = params.get('sort') ?? ''
  const asked = params.get('cols')
  const columns = useMemo(() => columnsOf(asked), [asked])
  const { test, fault } = useTest(query)
  const list = useRows(fleet, test, show, sort)
  const picks = useChosen(list, fleet.manages.length > 0 || fleet.acts.length > 0)
  const height = rowHeight()
  const from = Math.max(0, Math.min(Math.floor(top / height) - 4, list.length - VIEW))
  const view = list.slice(from, from + VIEW)
  const sparks = useSparks(columns.includes('spark') ? view.map((one) => one.id) : [])
  const see = (row: number) => {
    const y = row * height
    const room = (box.current?.clientHeight ?? 0) - height - 40
    if (box.current && (y < top || y > top + room)) box.current.scrollTo({ top: y < top ? y : y - room })
  }
  const active = useKeys(list, picks.flip, see, input)
  const small = matchMedia(SMALL).matches
  const grid = small
    ? undefined
    : {
        gridTemplateColumns: [
          picks.may ? '20px' : '',
          'minmax(170px, 1.4fr)',
          ...columns.map((one) => WIDTHS[one]),
        ].join(' '),
      }
  const wide = small ? undefined : { minWidth: 190 + columns.length * 112 }
  return (
    <section className="card tbl" aria-label={t('fleet.servers')}>
      <div className="tools">
        <h2>{t('fleet.servers')}</h2>
        <span className="dim num">{count(list.length)}</span>
        <span className="sp" />
        <input
          ref={input}
          className="inp"
          type="search"
          placeholder={t('fleet.filter')}
          aria-label={t('fleet.filterLabel')}
          aria-invalid={fault || undefined}
          title={t('fleet.filterHelp')}
          value={query}
          onChange={(e) => {
            change({ q: e.target.value || null })
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
          onPick={(picked) => change({ show: picked === 'bad' ? 'bad' : null })}
        />
        <Suspense fallback={<span className="tools-wait" />}>
          <Tools columns={columns} teams={fleet.reports} change={change} whole={whole} params={params} />
        </Suspense>
      </div>
      {fault && (
        <p className="warn pad" role="alert">
          {t('fleet.badFilter')}
        </p>
      )}
      {picks.chosen.size > 0 && (
        <Suspense fallback={<div className="bulk" />}>
          <Bulk fleet={fleet} chosen={picks.chosen} onNone={picks.none} />
        </Suspense>
      )}
      {list.length === 0 ? (
        <p className="hint pad">
          {show === 'bad' && !query ? t('fleet.noProblems') : t('fleet.noMatch', { n: count(fleet.servers.length) })}{' '}
          <button type="button" className="btn sm" onClick={() => change({ q: null, show: null })}>
            {t('fleet.clear')}
          </button>
        </p>
      ) : (
        <div
          ref={box}
          className="vp"
          style={{ height: Math.min(540, 36 + list.length * height) }}
          onScroll={(e) => {
            const y = e.currentTarget.scrollTop
            cancelAnimationFrame(frame.current)
            frame.current = requestAnimationFrame(() => setTop(y))
          }}
        >
          {/* a real table: only the rows in view exist, padding stands in for the rest */}
          <table aria-label={t('fleet.servers')} aria-rowcount={list.length + 1} style={wide}>
            <thead>
              <tr className="row h" aria-rowindex={1} style={grid}>
                <Head
                  columns={columns}
                  sort={sort}
                  onSort={(next) => change({ sort: next })}
                  picked={
                    picks.may && (
                      <th scope="col" className="pk">
                        <input
                          type="checkbox"
                          aria-label={t('fleet.chooseAll')}
                          checked={list.every((one) => picks.chosen.has(one.id))}
                          onChange={picks.all}
                        />
                      </th>
                    )
                  }
                />
              </tr>
            </thead>
            <tbody
              style={{
                paddingTop: from * height,
                paddingBottom: Math.max(0, list.length - from - view.length) * height,
              }}
            >
              {view.map((server, i) => {
                const fresh = isFresh(server, at)
                return (
                  <tr
                    className={`row${server.id === active ? ' on' : ''}`}
                    aria-rowindex={from + i + 2}
                    key={server.id}
                    style={grid}
                  >
                    {picks.may && (
                      <td className="pk">
                        <input
                          type="checkbox"
                          aria-label={t('fleet.choose', { name: server.name })}
                          checked={picks.chosen.has(server.id)}
                          onChange={(e) => picks.flip(server.id, (e.nativeEvent as MouseEvent).shiftKey)}
                        />
                      </td>
                    )}
                    <Name server={server} />
                    {columns.map((column) =>
                      column === 'spark' ? (
                        <SparkCell key={column} tone={face(server).tone} v={sparks.of(server.id)} />
                      ) : column === 'seen' ? (
                        <td key={column} className="dim num">
                          {server.seen === null ? t('age.never') : ago(at - server.seen)}
                        </td>
                      ) : (
                        <Value key={column} server={server} column={column} fresh={fresh} />
                      ),
                    )}
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
