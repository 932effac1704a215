import { useEffect, useMemo, useState } from 'react'
import { type Colour, HostMap } from '../../charts/HostMap'
import { Spark } from '../../charts/Spark'
import { percent, rate } from '../../format'
import { now } from '../../live/clock'
import type { FleetProps, Server } from '../../types'
import { Acknowledge } from '../../ui/Acknowledge'
import { Icon, isFresh, mount, Segments, Shape, useNow, useOnce } from '../../ui/parts'
import { t } from '../../words'
import { usePage } from '../page'
import { ServerCard } from './Cards'
import { fold, grouped, type Need, needs, sentence, shown, type Tile, tiles } from './model'
import { Table } from './Table'
import { Traces } from './trace'

/** Up to so many servers are shown as cards; more make a map. */
const FEW = 3
const CARDS = 12
const BEAT_MS = 2000

const write = { percent, rate }

/** Every few seconds the tiles and the CPU of each server leave a point: the sparks grow from the opening of the page. */
function useTraces(state: FleetProps): [Traces, number] {
  const traces = useOnce(() => new Traces())
  const [beat, setBeat] = useState(0)
  const latest = useOnce(() => ({ state }))
  latest.state = state
  useEffect(() => {
    const push = () => {
      const at = now()
      for (const tile of tiles(latest.state, at, write)) traces.push(tile.key, tile.value)
      for (const server of latest.state.servers) traces.push(server.id, isFresh(server, at) ? server.cpu : null)
      setBeat((n) => n + 1)
    }
    push()
    const id = setInterval(push, BEAT_MS)
    return () => clearInterval(id)
  }, [traces, latest])
  return [traces, beat]
}
const Tiles = ({ list, traces }: { list: Tile[]; traces: Traces }) => (
  <dl className="card kpis">
    {list.map((tile) => (
      <div className="kpi" key={tile.key}>
        <dt>{tile.label}</dt>
        <dd className="num" data-value={tile.key}>
          {tile.text}
          <small>{tile.note}</small>
          <Spark v={traces.of(tile.key)} c={tile.color} />
        </dd>
      </div>
    ))}
  </dl>
)
function Attention({ list, acts }: { list: Need[]; acts: string[] }) {
  const view = shown(list)
  return (
    <section className="card att" aria-label={t('fleet.attention')}>
      <header>
        <h2>{t('fleet.attention')}</h2>
      </header>
      {view.length ? (
        <ul>
          {view.map((need) => (
            <li key={need.key}>
              <span className={`sign ${need.tone}`}>
                <Shape s={need.tone} size={12} />
              </span>
              <a className="t" href={need.url}>
                {need.title}
              </a>
              <span className="d">{need.detail}</span>
              <span className="a">
                {need.incident?.state === 'open' && acts.includes(need.incident.team ?? '') ? (
                  <Acknowledge incident={need.incident} />
                ) : (
                  <a className="btn sm" href={need.url} aria-label={`${t('fleet.open')}: ${need.title}`}>
                    {t('fleet.open')}
                  </a>
                )}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <div className="calm">
          <span className="ok">
            <Icon n="check" s={22} />
          </span>
          <strong>{t('fleet.quiet')}</strong>
          <p>{t('fleet.quietLede')}</p>
        </div>
      )}
      <footer>
        <span>{list.length > view.length ? t('fleet.more', { n: list.length - view.length }) : ''}</span>
        <a className="more" href="/alerts/">
          {t('fleet.allAlerts')}
        </a>
      </footer>
    </section>
  )
}
const AddCard = () => (
  <section className="card addcard" aria-label={t('fleet.addAnother')}>
    <h2>{t('fleet.addAnother')}</h2>
    <p className="mut">{t('fleet.addAnotherLede')}</p>
    <a className="btn" href="/servers/add/">
      <Icon n="plus" s={15} />
      {t('fleet.add')}
    </a>
  </section>
)
const LEGEND = [
  ['warn', 'state.warn'],
  ['crit', 'state.critical'],
  ['off', 'state.down'],
] as const

function MapCard({ servers }: { servers: Server[] }) {
  const [by, setBy] = useState<Colour>('cpu')
  const [group, setGroup] = useState<'tag' | 'os'>(servers.some((server) => server.tags.length) ? 'tag' : 'os')
  const groups = useMemo(() => grouped(servers, group), [servers, group])
  return (
    <section className="card" aria-label={t('fleet.map')}>
      <header className="wrap">
        <h2>{t('fleet.map')}</h2>
        <Segments
          label={t('fleet.colourBy')}
          options={(['cpu', 'memory', 'disk'] as const).map((key) => [t(`metric.${key}`), key] as const)}
          value={by}
          onPick={setBy}
        />
        <Segments
          label={t('fleet.groupBy')}
          options={(['tag', 'os'] as const).map((key) => [t(`fleet.${key}`), key] as const)}
          value={group}
          onPick={setGroup}
        />
        <div className="legend">
          <span>
            <i className="k-ok" />
            {t('fleet.legend.ok')}
          </span>
          {LEGEND.map(([tone, word]) => (
            <span key={tone}>
              <i className={`k-${tone}`} />
              {t(word)}
            </span>
          ))}
        </div>
      </header>
      <HostMap groups={groups} by={by} />
    </section>
  )
}
function Empty() {
  return (
    <div className="card empty">
      <h1>{t('fleet.empty')}</h1>
      <p className="mut">{t('fleet.emptyLede')}</p>
      <a className="btn pri" href="/servers/add/">
        <Icon n="plus" s={15} />
        {t('fleet.add')}
      </a>
    </div>
  )
}
function Fleet({ first }: { first: FleetProps }) {
  const [state] = usePage(first, fold)
  const at = useNow()
  const [traces] = useTraces(state)
  const { servers } = state
  if (!servers.length) return <Empty />
  const { head, lede } = sentence(state, at)
  const todo = needs(state, at)
  const cards = servers.length < CARDS && (
    <div className={`cards${servers.length <= FEW ? ' few' : ''}`}>
      {[...servers]
        .sort((a, b) => a.name.localeCompare(b.name))
        .map((server) => (
          <ServerCard key={server.id} server={server} at={at} large={servers.length <= FEW} />
        ))}
    </div>
  )
  return (
    <>
      <div className="hero">
        <div>
          <h1>{head}</h1>
          <p className="lede num">{lede}</p>
        </div>
        {servers.length > FEW && (
          <>
            <span className="sp" />
            <a className="btn pri" href="/servers/add/">
              <Icon n="plus" s={15} />
              {t('fleet.add')}
            </a>
          </>
        )}
      </div>
      {servers.length > FEW && <Tiles list={tiles(state, at, write)} traces={traces} />}
      <div className={`two${cards ? ' carded' : ''}`}>
        {cards || <MapCard servers={servers} />}
        <div className="side-by">
          <Attention list={todo} acts={state.acts ?? []} />
          {servers.length <= FEW && <AddCard />}
        </div>
      </div>
      {servers.length >= CARDS && <Table servers={servers} traces={traces} at={at} />}
    </>
  )
}
mount<FleetProps>('fleet', (props) => <Fleet first={props} />)
