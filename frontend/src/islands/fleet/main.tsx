import './fleet.css'
import { lazy, Suspense, useMemo } from 'react'
import { type Colour, HostMap } from '../../charts/HostMap'
import { rate, share } from '../../format'
import { person } from '../../person'
import type { FleetProps } from '../../types'
import { Icon, mount, Segments } from '../../ui/parts'
import { type Key, t } from '../../words'
import { Attention } from './Attention'
import { type Group, grouped, groupsOf, needs, sentence, tiles } from './model'
import type { Fleet } from './store'
import { Table } from './Table'
import { Tiles } from './Tiles'
import { useAddress, useBeat, useFleet, useToday } from './useFleet'

/** Up to so many servers are shown as cards; more make a map. */
const FEW = 3
const CARDS = 12
const write = { percent: share, rate }
const Simple = lazy(() => import('./Simple'))
const ServerCard = lazy(() => import('./Cards').then(({ ServerCard: one }) => ({ default: one })))
type Address = ReturnType<typeof useAddress>

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
const COLOURS: Colour[] = ['cpu', 'memory', 'disk']

function MapCard({ fleet, address: [params, change] }: { fleet: Fleet; address: Address }) {
  const { shape } = fleet
  const ways = useMemo(() => groupsOf(fleet.servers), [fleet, shape])
  const asked = params.get('group') as Group | null
  const group: Group = asked && ways.includes(asked) ? asked : (ways[0] ?? 'os')
  const by = COLOURS.find((one) => one === params.get('by')) ?? 'cpu'
  const groups = useMemo(() => grouped(fleet.servers, group), [fleet, shape, group])
  return (
    <section className="card" aria-label={t('fleet.map')}>
      <header className="wrap">
        <h2>{t('fleet.map')}</h2>
        <Segments
          label={t('fleet.colourBy')}
          options={COLOURS.map((key) => [t(`metric.${key}`), key] as const)}
          value={by}
          onPick={(key) => change({ by: key === 'cpu' ? null : key })}
        />
        <Segments
          label={t('fleet.groupBy')}
          options={ways.map((key) => [t(`fleet.${key}` as Key), key] as const)}
          value={group}
          onPick={(key) => change({ group: key === ways[0] ? null : key })}
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
      <HostMap fleet={fleet} groups={groups} by={by} />
    </section>
  )
}
function Empty({ manages }: { manages: boolean }) {
  return (
    <div className="card empty">
      <h1>{t('fleet.empty')}</h1>
      <p className="mut">{t(manages ? 'fleet.emptyLede' : 'fleet.emptyAsk')}</p>
      {manages && (
        <a className="btn pri" href="/servers/add/">
          <Icon n="plus" s={15} />
          {t('fleet.add')}
        </a>
      )}
    </div>
  )
}
function CardGrid({ fleet, at }: { fleet: Fleet; at: number }) {
  const few = fleet.servers.length <= FEW
  return (
    <div className={`cards${few ? ' few' : ''}`}>
      {[...fleet.servers]
        .sort((a, b) => a.name.localeCompare(b.name))
        .map((server) => (
          <ServerCard key={server.id} server={server} at={at} large={few} />
        ))}
    </div>
  )
}
function Page({ first }: { first: FleetProps }) {
  const fleet = useFleet(first)
  const at = useBeat(fleet)
  const today = useToday(fleet)
  const address = useAddress()
  const { servers } = fleet
  if (!servers.length) return <Empty manages={fleet.manages.length > 0} />
  const todo = needs(fleet, at)
  const { head, lede } = sentence(fleet, at, todo)
  const many = servers.length > FEW
  const hero = (
    <div className="hero">
      <div>
        <h1>{head}</h1>
        <p className="lede num">{lede}</p>
      </div>
      {many && !person.simple && fleet.manages.length > 0 && (
        <>
          <span className="sp" />
          <a className="btn pri" href="/servers/add/">
            <Icon n="plus" s={15} />
            {t('fleet.add')}
          </a>
        </>
      )}
    </div>
  )
  if (person.simple)
    return (
      <>
        {hero}
        <Suspense>
          <Simple fleet={fleet} list={todo} at={at} />
        </Suspense>
      </>
    )
  const cards = servers.length < CARDS
  return (
    <>
      {hero}
      {many && <Tiles list={tiles(fleet, at, write)} today={today} />}
      <div className={`two${cards ? ' carded' : ''}`}>
        {cards ? (
          <Suspense fallback={<div className="cards" />}>
            <CardGrid fleet={fleet} at={at} />
          </Suspense>
        ) : (
          <MapCard fleet={fleet} address={address} />
        )}
        <div className="side-by">
          <Attention list={todo} acts={fleet.acts} handled={today?.handled ?? []} />
          {!many && fleet.manages.length > 0 && <AddCard />}
        </div>
      </div>
      {!cards && <Table fleet={fleet} at={at} address={address} />}
    </>
  )
}
mount<FleetProps>('fleet', (props) => <Page first={props} />)
