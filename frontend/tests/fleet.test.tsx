import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { cellAt, layOut } from '../src/charts/HostMap'
import { silencesOf, wishOf } from '../src/islands/fleet/Bulk'
import { onGrid, ServerCard } from '../src/islands/fleet/Cards'
import { grouped, groupsOf, needs, type State, sentence, tiles, toneOf, weigh } from '../src/islands/fleet/model'
import { unpack } from '../src/islands/fleet/packed'
import { isSelector, plainTest, rows } from '../src/islands/fleet/rows'
import { safe, up } from '../src/islands/fleet/Simple'
import { parse } from '../src/islands/fleet/selector'
import { Fleet } from '../src/islands/fleet/store'
import { Table } from '../src/islands/fleet/Table'
import { change, line } from '../src/islands/fleet/Tiles'
import { Traces } from '../src/islands/fleet/trace'
import type { Today } from '../src/islands/fleet/useFleet'
import { withIncident } from '../src/islands/page'
import type { FleetProps, Incident, Packed, Server } from '../src/types'
import { face, faces, isFresh } from '../src/ui/parts'

const AT = 1000
const server = (name: string, more: Partial<Server> = {}): Server => ({
  id: name,
  name,
  tags: [],
  os: 'Debian 12',
  team: 'Main',
  reach: 'up',
  health: 'ok',
  seen: AT - 5,
  interval: 10,
  cpu: 20,
  memory: 40,
  disk: 60,
  net: 1000,
  load: 0.5,
  url: `/servers/${name}/`,
  ...more,
})
const silent = (name: string) => server(name, { reach: 'down', seen: AT - 600 })
const incident = (id: string, more: Partial<Incident> = {}): Incident => ({
  id,
  title: `${id} is wrong`,
  severity: 'critical',
  state: 'open',
  since: AT - 60,
  until: null,
  owner: null,
  server: null,
  rule: 'r',
  metric: 'm',
  labels: {},
  value: 1,
  limit: 1,
  url: `/incidents/${id}/`,
  ...more,
})
const fleet = (servers: Server[], incidents: Incident[] = []): State => ({ servers, incidents })
const NONE: Packed = { base: 0, os: [], team: [], role: [], site: [], environment: [], tags: [], rows: [] }
const store = (servers: Server[], incidents: Incident[] = []): Fleet => {
  const props: FleetProps = { now: AT, seq: {}, fleet: NONE, incidents, acts: ['Main'], manages: ['Main'] }
  const made = new Fleet(props)
  made.fold({ topic: 'fleet', seq: 1, at: AT, data: { servers } })
  return made
}
const list = (servers: Server[], query: string, show: 'all' | 'bad' = 'all', sort = '') =>
  rows(servers, plainTest(query), show, sort).map((one) => one.name)
const write = { percent: (v: number | null) => String(v), rate: (v: number | null) => String(v) }

describe('the first sentence', () => {
  it('names the only server, and says when it last reported', () => {
    expect(sentence(fleet([server('web')]), AT)).toEqual({
      head: 'web is healthy',
      lede: 'No open alerts. Last report 5 s ago.',
    })
  })
  it('calls one that is nearly used up busy, before any rule has spoken', () => {
    expect(sentence(fleet([server('vm', { cpu: 100 })]), AT)).toEqual({
      head: expect.stringMatching(/^vm is busy: CPU 100\s%$/),
      lede: 'No alert is open: one comes when it lasts as long as a rule says. Last report 5 s ago.',
    })
  })
  it('counts what needs a person, not what somebody took already', () => {
    const list = [incident('a'), incident('b', { state: 'acknowledged' })]
    expect(sentence(fleet([server('x'), server('y')], list), AT).head).toBe('One thing needs you')
  })
  it('counts a silent server once: with its incident, while that is open', () => {
    const open = incident('down', { metric: 'silent_seconds', silent: ['y', 'z'], open: 2 })
    const state = fleet([server('x'), silent('y'), silent('z'), silent('w')], [open])
    expect(needs(state, AT).map((need) => need.key)).toEqual(expect.arrayContaining(['down', 'down w']))
    expect(needs(state, AT)).toHaveLength(2)
    expect(sentence(state, AT).head).toBe('2 things need you')
    expect(needs({ ...state, incidents: [{ ...open, state: 'acknowledged', owner: 'Ada' }] }, AT)[1]?.detail).toContain(
      'Ada',
    )
  })
  it('never calls a silent server healthy', () => {
    const { head, lede } = sentence(fleet([server('x'), silent('y'), silent('z')]), AT)
    expect(head).toBe('2 things need you')
    expect(lede).toBe('1 of 3 servers is healthy.')
    expect(sentence(fleet([silent('y')]), AT)).toEqual({ head: 'y needs you', lede: 'Last report 10 min ago.' })
  })
  it('counts two servers as people do', () => {
    expect(sentence(fleet([server('x'), server('y')]), AT).head).toBe('Both servers are healthy')
    expect(sentence(fleet([server('x'), server('y'), server('z')]), AT).head).toBe('All 3 servers are healthy')
  })
  it('leads on when there is nothing yet', () => {
    expect(sentence(fleet([]), AT).head).toBe('Nothing is watched yet')
    expect(sentence(fleet([server('x', { reach: 'new', seen: null })]), AT).head).toBe('Waiting for the first report')
  })
})
it('silence comes before health', () => {
  expect(face(silent('x'))).toEqual({ tone: 'off', word: 'Not reporting' })
  expect(face(server('x', { reach: 'late', health: 'ok' })).tone).toBe('warn')
  expect(isFresh(server('x', { seen: AT - 32 }), AT)).toBe(false)
})
it('a critical server that is silent shows both', () => {
  const words = (one: Server) => faces(one).map(({ word }) => word)
  expect(words(server('x', { reach: 'down', health: 'critical' }))).toEqual(['Not reporting', 'Critical'])
  expect(words(server('x', { reach: 'late', health: 'critical' }))).toEqual(['Late', 'Critical'])
  expect(words(silent('x'))).toEqual(['Not reporting'])
  expect(words(server('x', { health: 'warn' }))).toEqual(['Degraded'])
})
it('a card keeps the last values of a silent server, and says how old they are', () => {
  HTMLCanvasElement.prototype.getContext = () => null
  vi.stubGlobal('fetch', () => new Promise(() => undefined))
  const { container } = render(<ServerCard server={server('x', { reach: 'down', seen: AT - 600 })} at={AT} large />)
  const cpu = container.querySelector('[data-value="cpu"]')
  expect(cpu?.textContent).toBe('20.0\u00a0% 10 min ago')
  expect(cpu?.className).toContain('dim')
  vi.unstubAllGlobals()
})
it('means and sums count fresh values only', () => {
  const list = tiles(fleet([server('a', { cpu: 10 }), server('b', { cpu: 30 }), silent('c')]), AT, write)
  expect(list.find((tile) => tile.key === 'cpu')?.value).toBe(20)
  expect(list.find((tile) => tile.key === 'up')?.text).toBe('2')
  expect(tiles(fleet([silent('c')]), AT, write).find((tile) => tile.key === 'cpu')?.value).toBeNull()
})
it('what needs attention: critical, then silent, then warnings, then late; a silent server stands there beside its alert', () => {
  const list = needs(
    fleet(
      [silent('a'), server('slow', { reach: 'late', seen: AT - 40 }), silent('told')],
      [
        incident('w', { severity: 'warn' }),
        incident('c', { server: { id: 'told', name: 'told', url: '/servers/told/' } }),
      ],
    ),
    AT,
  )
  expect(list.map((need) => need.title)).toEqual([
    'c is wrong',
    'a stopped reporting',
    'told stopped reporting',
    'w is wrong',
    'slow is late',
  ])
  const many = needs(fleet(['a', 'b', 'c', 'd'].map(silent)), AT)
  expect(many.map((need) => need.title)).toEqual(['4 servers stopped reporting'])
})
describe('live changes', () => {
  const row = (key: string, state: number, cpu: number | null) => [key, state, 3.5, cpu, 41, 62, 2000, 0.7]
  it('change servers in place; new ones come, removed ones and resolved incidents go', () => {
    const made = store([server('a'), server('b')], [incident('i')])
    const { shape } = made
    expect(made.fold({ topic: 'fleet', seq: 2, at: AT, data: { base: AT, rows: [row('a', 5, 99)] } })).toBe(true)
    expect(made.get('a')).toMatchObject({ cpu: 99, seen: AT + 3.5, reach: 'up', health: 'critical', name: 'a' })
    expect([made.get('b')?.cpu, made.shape]).toEqual([20, shape])
    made.fold({ topic: 'fleet', seq: 3, at: AT, data: { servers: [server('c')], removed: ['b'] } })
    expect(made.servers.map((one) => one.name)).toEqual(['a', 'c'])
    expect(made.shape).toBeGreaterThan(shape)
    made.fold({ topic: 'incidents', seq: 1, at: AT, data: { incident: incident('i', { state: 'resolved' }) } })
    expect(made.incidents).toEqual([])
    expect(withIncident([incident('i')], incident('j')).map((one) => one.id)).toEqual(['j', 'i'])
  })
  it('of a server nobody knows here asks for the page again', () => {
    expect(store([]).fold({ topic: 'fleet', seq: 2, at: AT, data: { base: AT, rows: [row('x', 3, 1)] } })).toBe(false)
  })
  it('tell only who changed to whoever paints', () => {
    const made = store([server('a'), server('b')])
    const heard: string[][] = []
    made.watch((changed) => heard.push([...changed].map((one) => one.name)))
    made.fold({ topic: 'fleet', seq: 2, at: AT, data: { base: AT, rows: [row('b', 3, 7)] } })
    expect(heard).toEqual([['b']])
  })
  it('keep silence as nothing, never as zero', () => {
    const made = store([server('a')])
    made.fold({ topic: 'fleet', seq: 2, at: AT, data: { base: AT, rows: [row('a', 9, null)] } })
    expect([made.get('a')?.reach, made.get('a')?.cpu]).toEqual(['down', null])
  })
})
it('a packed page holds the same servers', () => {
  const packed: Packed = {
    base: 1000,
    os: ['Debian 12'],
    team: ['Main'],
    role: ['web', ''],
    site: ['Berlin'],
    environment: ['production'],
    tags: [[], ['db', 'eu']],
    rows: [['0-0-0-0-aaaaaaaaaaaa', 'one', 0, 0, 0, 0, 0, 1, 1, 10, 3, -2.5, 12.5, null, 40, 900, 0.5]],
  }
  expect(unpack(packed)[0]).toMatchObject({
    name: 'one',
    os: 'Debian 12',
    role: 'web',
    site: 'Berlin',
    tags: ['db', 'eu'],
    demo: true,
    reach: 'up',
    health: 'ok',
    seen: 997.5,
    cpu: 12.5,
    memory: null,
    interval: 10,
    url: '/servers/0-0-0-0-aaaaaaaaaaaa/',
  })
})
describe('rows', () => {
  const all = [server('b10'), server('b9'), silent('z'), server('q', { tags: ['edge'], cpu: 90, role: 'web' })]
  it('stand with trouble first; words look at name, tag, system, role and site', () => {
    expect(list(all, '')).toEqual(['z', 'b9', 'b10', 'q'])
    expect(list(all, 'EDGE web')).toEqual(['q'])
    expect(list(all, '', 'bad')).toEqual(['z'])
    expect(grouped(all, 'tag')[0]?.[0]).toBe('No tag')
    const both = grouped([server('x', { tags: ['web', 'db'] }), server('y', { tags: ['db'] })], 'tag')
    expect(both.map(([name, list]) => [name, list.length])).toEqual([
      ['db', 2],
      ['web', 1],
    ])
  })
  it('are sorted by any column, what is not known last either way', () => {
    const some = [server('a', { cpu: 1 }), server('b', { cpu: null }), server('c', { cpu: 3 })]
    expect(list(some, '', 'all', '-cpu')).toEqual(['c', 'a', 'b'])
    expect(list(some, '', 'all', 'cpu')).toEqual(['a', 'c', 'b'])
    expect(list(some, '', 'all', '-name')).toEqual(['c', 'b', 'a'])
  })
  it('are chosen by the selector language', () => {
    const some = [
      server('web-1', { tags: ['db'], site: 'Berlin' }),
      server('web-2', { tags: ['db', 'x'] }),
      server('dev', { environment: 'staging', tags: ['db'] }),
      server('win', { os: 'Windows Server 2022' }),
    ]
    const by = (text: string) => some.filter(parse(text)).map((one) => one.name)
    expect(isSelector('tag:db') && !isSelector('http 10:30')).toBe(true)
    expect(by('tag:db and not site:berlin')).toEqual(['web-2'])
    expect(by('name:web-* or os:windows')).toEqual(['web-1', 'web-2', 'win'])
    expect(by('env:* and tag:"db"')).toEqual(['web-1', 'web-2', 'dev'])
    expect(by('(tag:x or site:b?rlin)')).toEqual(['web-1', 'web-2'])
    for (const wrong of ['tag:', 'tag:db and', '(tag:db', 'colour:red', 'tag:db or)'])
      expect(() => parse(wrong)).toThrow()
  })
  it('are grouped by what parts the fleet, by team only where there are several', () => {
    expect(groupsOf(all)).toEqual(['tag', 'role', 'os'])
    expect(groupsOf([server('a'), server('b', { team: 'Other' })])).toEqual(['os', 'team'])
  })
})
it('the tone is the one of the words', () => {
  for (const reach of ['new', 'up', 'late', 'down', 'paused'] as const)
    for (const health of ['ok', 'warn', 'critical'] as const)
      expect(toneOf(server('x', { reach, health }))).toBe(face(server('x', { reach, health })).tone)
})
it('weight grows with severity, with how many are hit, and with age', () => {
  expect(weigh('crit', 1, 0)).toBeGreaterThan(weigh('warn', 1, 86400))
  expect(weigh('warn', 50, 60)).toBeGreaterThan(weigh('warn', 1, 60))
  expect(weigh('warn', 1, 9000)).toBeGreaterThan(weigh('warn', 1, 60))
  const taken = needs(fleet([], [incident('a', { state: 'acknowledged' }), incident('b', { severity: 'warn' })]), AT)
  expect(taken.map((need) => need.title)).toEqual(['b is wrong', 'a is wrong'])
})
it('a tile says how it differs, or that nothing is known to compare with', () => {
  const [tile] = tiles(fleet([server('a', { cpu: 44 })]), AT, write).filter((one) => one.key === 'cpu')
  const today = (before: Today['before']): Today => ({ t: 0, step: 300, lines: {}, before, handled: [] })
  if (!tile) throw new Error('no tile')
  expect(change(tile, today({ ago: 'week', cpu: 47 }))).toBe('−3 points vs last week')
  expect(change(tile, today({ ago: 'day', cpu: 44.2 }))).toBe('as yesterday')
  expect(change(tile, today(null))).toBe('no history of a week yet')
})
it('the map lays ten thousand cells out and finds each by arithmetic', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => server(`s${i}`, { tags: [`t${i % 7}`] }))
  const layout = layOut(grouped(many, 'tag'), 1000)
  expect(layout.cells).toHaveLength(10_000)
  for (const at of [0, 1, 1428, 5000, 9999]) {
    const cell = layout.cells[at]
    expect(cellAt(layout, (cell?.x ?? 0) + 4, (cell?.y ?? 0) + 4)).toBe(at)
  }
  expect(cellAt(layout, -20, -20)).toBe(-1)
})
it('a small fleet fills its map with larger cells, a large one keeps them small', () => {
  const of = (n: number) => Array.from({ length: n }, (_, i) => server(`s${i}`, { tags: [`t${i % 4}`] }))
  expect(layOut(grouped(of(40), 'tag'), 900).size).toBe(22)
  expect(layOut(grouped(of(40), 'tag'), 330).size).toBe(22)
  expect(layOut(grouped(of(1000), 'tag'), 900).size).toBe(16)
})
it('an incident is as old as messages say, and what it explains is no second thing to do', () => {
  const list = [incident('a', { began: AT - 1020, since: AT - 60 }), incident('b', { parent: 'a' })]
  const found = needs({ servers: [server('x')], incidents: list }, AT)
  expect(found.map((need) => need.key)).toEqual(['a'])
  expect(found[0]?.detail).toContain('17 min')
  const named = { servers: [], incidents: [incident('c', { title: 'web-1 does not report' }), incident('d')] }
  for (const one of named.incidents) one.server = { id: '', name: 'web-1', url: '' }
  expect(needs(named, AT).map((need) => need.detail.includes('web-1'))).toEqual([false, true])
  expect(tiles({ servers: [], incidents: list }, AT, write)[1]?.value).toBe(1)
})
it('what is done to many is taken back for those that it changed', () => {
  const some = [server('a', { tags: ['db'], role: 'web' }), server('b', { role: '' }), server('c', { reach: 'paused' })]
  expect(wishOf('tag', 'db', some)).toEqual({
    body: { add_tags: ['db'] },
    back: [{ ids: ['b', 'c'], body: { remove_tags: ['db'] } }],
  })
  expect(wishOf('role', 'web', some).back).toEqual([{ ids: ['b', 'c'], body: { role: '' } }])
  expect(wishOf('pause', '', some).back).toEqual([{ ids: ['a', 'b'], body: { paused: false } }])
  const made = silencesOf(
    Array.from({ length: 41 }, (_, i) => server(`s${i}`)),
    60,
    'why',
    0,
  )
  expect(made).toHaveLength(2)
  expect(made[1]).toEqual({
    team: 'Main',
    selector: '(id:s40) and env:*',
    ends_at: '1970-01-01T01:00:00.000Z',
    reason: 'why',
  })
})
it('a tile draws a line as soon as one step is stored', () => {
  const tile = { key: 'cpu', value: 30, label: '', text: '', note: '', color: '' } as const
  const today: Today = { t: 0, step: 300, lines: { cpu: [null, 20] }, before: null, handled: [] }
  expect([...line(tile, today, new Traces())]).toEqual([20, 30])
})
it('the simple page says up, safe and next in plain words', () => {
  const state = fleet([server('shop', { disk: 91 }), silent('till')], [incident('i')])
  expect(up(state, AT)).toMatchObject({ tone: 'crit', word: 'Something is off' })
  expect(up(state, AT).text).toBe('1 of 2 computers are on and answer. till last answered 10 min ago.')
  expect(safe(state, null).text).toBe('One serious problem is open. The fullest disk is on shop: 91\u00a0% used.')
  const well = fleet([server('shop', { disk: 20 })])
  expect(safe(well, { all: 2, known: 2, behind: 0 }).tone).toBe('ok')
  expect(safe(well, { all: 2, known: 2, behind: 1 }).tone).toBe('warn')
  expect(safe(well, { all: 1, known: 0, behind: 0 })).toMatchObject({ tone: 'off', word: 'Not known' })
})
it('the half hour on a card stops where the server stopped', () => {
  const grid = onGrid([[0, 1] as [number, number], [10, 2] as [number, number]], 10, 600)
  expect(grid.at(-1)).toBeNaN()
  expect([...grid].filter((v) => !Number.isNaN(v)).length).toBeGreaterThan(0)
})
describe('the table', () => {
  beforeAll(() => {
    vi.stubGlobal('matchMedia', () => ({ matches: false }))
    HTMLCanvasElement.prototype.getContext = () => null
  })
  it('holds the rows in view, counts all, and says "no data" for a silent one', async () => {
    vi.stubGlobal('fetch', () => new Promise(() => undefined))
    const many = [silent('quiet'), ...Array.from({ length: 500 }, (_, i) => server(`s${i}`))]
    const made = store(many)
    const view = (query: string) => {
      const params = new URLSearchParams(query)
      return <Table fleet={made} at={AT} address={[params, () => undefined, () => undefined]} />
    }
    const { rerender } = render(view(''))
    const table = screen.getByRole('table', { name: 'Servers' })
    expect(table.getAttribute('aria-rowcount')).toBe('502')
    expect(screen.getAllByRole('row').length).toBeLessThan(30)
    expect(screen.getByRole('row', { name: /quiet/ }).textContent).toContain('no data')
    rerender(view('q=s499'))
    expect(screen.getAllByRole('row')).toHaveLength(2)
    rerender(view('q=zzz'))
    expect(screen.getByText(/No server matches. Clear the filter to see all 501./)).toBeTruthy()
    rerender(view('q=name:s49*'))
    await waitFor(() => expect(screen.getAllByRole('row')).toHaveLength(12))
    await userEvent.click(screen.getByRole('checkbox', { name: 'Choose all that match' }))
    await screen.findByText('11 servers chosen')
  })
})
