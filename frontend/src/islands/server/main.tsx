// The page of one server: what it is, what is wrong with it, and its charts. What is not needed at once comes later.
import { type ComponentType, lazy, Suspense, useCallback, useEffect, useState } from 'react'
import type { Range } from '../../charts/engine'
import { contrast } from '../../charts/said'
import { marked } from '../../charts/sync'
import { TimeChart } from '../../charts/TimeChart'
import { person } from '../../person'
import type { Incident, Message, Server } from '../../types'
import { Boundary, Demo, faces, mount, Status } from '../../ui/parts'
import { t } from '../../words'
import { usePage, withIncident } from '../page'
import { type Board, type Points, useBoard } from './board'
import { menuOf, selectorOf } from './menu'
import { RangeBar } from './RangeBar'
import { Seen, Story } from './Story'
import { type Chart, titleOf } from './series'
import type { PageProps } from './types'
import '../../charts/chart.css'
import './server.css'

const faults = () => import('./Faults')
const Faults = lazy(faults)
const Rail = lazy(() => import('./Rail'))
const Sections = lazy(() => import('./Sections'))
const Moved = lazy(() => import('./Moved'))
const Table = lazy(() => import('./Table'))
const Simple = lazy(() => import('./Simple'))

const fold = (state: PageProps, { topic, data }: Message): PageProps => {
  if (topic !== 'incidents') return { ...state, server: (data.server as Server | undefined) ?? state.server }
  const incident = data.incident as Incident
  if (incident.server?.id !== state.server.id) return state
  return { ...state, incidents: withIncident(state.incidents, incident) }
}
/** The machine in one line: what it runs on and how large it is. */
function facts(props: PageProps): string[] {
  const { cpu, memory, os, host } = props.facts
  const found: string[] = []
  if (os?.kernel) found.push(String(os.kernel))
  if (typeof cpu?.cores === 'number') found.push(t('server.cores', { n: cpu.cores }))
  const total = memory?.total_bytes
  if (typeof total === 'number') found.push(t('server.memoryOf', { size: `${(total / 2 ** 30).toFixed(0)} GiB` }))
  if (host?.address) found.push(String(host.address))
  return found
}
function Title({ props }: { props: PageProps }) {
  const { server, may_manage } = props
  return (
    <div className="hero">
      <div>
        <nav className="crumb" aria-label={t('server.crumb')}>
          <a href="/">{t('server.fleet')}</a>
          <span aria-hidden="true">/</span>
          <span>{server.name}</span>
        </nav>
        <div className="titled">
          <h1>{server.name}</h1>
          {faces(server).map(({ tone, word }) => (
            <Status key={word} s={tone}>
              {word}
            </Status>
          ))}
        </div>
        <div className="facts num">
          {server.demo && <Demo />}
          {server.os && <b>{server.os}</b>}
          {!person.simple && facts(props).map((text) => <span key={text}>{text}</span>)}
          {server.tags.map((tag) => (
            <span className="tag" key={tag}>
              {tag}
            </span>
          ))}
          <span>{server.team}</span>
          <span>{t('server.every', { n: server.interval })}</span>
          <Seen server={server} />
        </div>
      </div>
      <div className="ctl">
        {props.may_act && (
          <a className="btn" href={`/silences/?${new URLSearchParams({ selector: selectorOf(server.name) })}`}>
            {t('server.silence')}
          </a>
        )}
        {may_manage && !person.simple && (
          <a className="btn" href={`${server.url}edit/`}>
            {t('server.edit')}
          </a>
        )}
      </div>
    </div>
  )
}
/** What one should know before the numbers: that we were away, that the agent is old, what runs out soon. */
function Notes({ props: { server, away, old, outlook } }: { props: PageProps }) {
  return (
    <>
      {server.waiting && away && <p className="card note">{away}</p>}
      {old && <p className="card note">{old}</p>}
      {outlook && outlook.length > 0 && (
        <section className="card note outlook" aria-label={t('server.capacity')}>
          {outlook.map((text) => (
            <p key={text}>{text}</p>
          ))}
          <a className="more" href="/capacity/">
            {t('server.capacity')}
          </a>
        </section>
      )}
    </>
  )
}
/** What is fetched when it is wanted: nothing until then, and its own card when it cannot be had. */
function Later<P extends object>({ of: Part, props }: { of: ComponentType<P>; props: P }) {
  return (
    <Boundary>
      <Suspense fallback={<div className="later" />}>
        <Part {...props} />
      </Suspense>
    </Boundary>
  )
}
function Charts({ board, props, onTable, onMoved }: Opening & { board: Board; props: PageProps }) {
  const { charts, sync, loaded, place } = board
  return (
    <div className={`charts ${loaded === 'loading' ? 'busy' : ''}`}>
      {charts.map((chart) => {
        const { spec, data } = chart
        const change = place.compare && loaded === 'ready' ? contrast(data, sync.range) : ''
        return (
          <TimeChart
            key={spec.id}
            id={`chart-${spec.id}`}
            title={titleOf(spec)}
            data={data}
            fmt={spec.fmt}
            sync={sync}
            note={change ? againstWords(change, place.compare, props) : lacking(board, chart)}
            menu={menuOf(chart, board, props, { onTable, onMoved })}
          />
        )
      })}
    </div>
  )
}
/** Why there is no second line. */
const lacking = ({ place, loaded, around }: Board, { data }: Chart): string =>
  place.compare && loaded === 'ready' && around && data.lines.length && !data.ghost ? t('server.noOther') : ''

function againstWords(change: string, compare: string, { others }: PageProps): string {
  if (compare === 'day') return t('server.againstDay', { change })
  if (compare === 'week') return t('server.againstWeek', { change })
  return t('server.againstOther', { change, name: others.find(({ id }) => `server:${id}` === compare)?.name ?? '' })
}
interface Opening {
  onTable: (chart: Chart) => void
  onMoved: (range?: Range) => void
}
/** A link may lead to one chart: it is brought into view, and the keyboard is on it. */
function useFocus({ place, version }: Board) {
  const [done, setDone] = useState('')
  useEffect(() => {
    if (!place.chart || done === place.chart || !version) return
    const plot = document.querySelector<HTMLElement>(`#${CSS.escape(`chart-${place.chart}`)} .plot`)
    if (!plot) return
    setDone(place.chart)
    plot.scrollIntoView({ block: 'center' })
    plot.focus({ preventScroll: true })
  }, [place.chart, version, done])
}
function Page({ first }: { first: PageProps }) {
  const board = useBoard(first.server)
  const { append, again, sync } = board
  const [props, reload] = usePage(first, fold, {
    on: ({ topic, data }) => {
      if (data.t && data.series) append(data as unknown as Points)
      // the banner's evidence and advice come with the page
      if (topic === 'incidents') void reload().catch(() => undefined)
    },
    reloaded: again, // messages were missed, so points were too
  })
  const [asked, setAsked] = useState<Range | null>(null)
  const [table, setTable] = useState<Chart | null>(null)
  const onMoved = useCallback((range?: Range) => setAsked(range ?? marked(sync.brush ?? sync.range)), [sync])
  useEffect(() => {
    sync.onAsk = onMoved
  }, [sync, onMoved])
  useFocus(board)
  // What says that the hub fails must be here before it does.
  useEffect(() => void faults().catch(() => undefined), [])
  const { server, story } = props
  const opening = { onTable: setTable, onMoved }
  const detail = (
    <>
      <RangeBar board={board} others={props.others} onMoved={onMoved} />
      {(board.place.odd || board.partial.length > 0 || typeof board.loaded === 'object') && (
        <Later of={Faults} props={{ board }} />
      )}
      {asked && <Later of={Moved} props={{ board, range: asked, onClose: () => setAsked(null) }} />}
      <div className="srv">
        <div>
          <Charts board={board} props={props} {...opening} />
          <p className="dim hint-line">{t('server.hint')}</p>
          <Later of={Sections} props={{ board, props, ...opening }} />
        </div>
        <aside className="rail" aria-label={t('incident.facts')}>
          <Later of={Rail} props={{ board, props }} />
        </aside>
      </div>
    </>
  )
  return (
    <>
      <Title props={props} />
      <Notes props={props} />
      {!person.simple && (
        <Story
          server={server}
          troubles={story.troubles}
          silences={story.silences}
          board={board}
          mayAct={props.may_act}
        />
      )}
      {person.simple ? <Later of={Simple} props={{ props, children: detail }} /> : detail}
      {table && <Later of={Table} props={{ board, chart: table, onClose: () => setTable(null) }} />}
    </>
  )
}
mount<PageProps>('server', (props) => <Page first={props} />)
