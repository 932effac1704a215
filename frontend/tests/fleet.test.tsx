import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { onGrid, ServerCard } from '../src/islands/fleet/Cards'
import { fold, grouped, needs, rows, sentence, tiles } from '../src/islands/fleet/model'
import { Table } from '../src/islands/fleet/Table'
import { Traces } from '../src/islands/fleet/trace'
import { withIncident } from '../src/islands/page'
import type { FleetProps, Incident, Server } from '../src/types'
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
const fleet = (servers: Server[], incidents: Incident[] = []): FleetProps => ({ now: AT, seq: {}, servers, incidents })
const write = { percent: (v: number | null) => String(v), rate: (v: number | null) => String(v) }

describe('the first sentence', () => {
  it('names the only server, and says when it last reported', () => {
    expect(sentence(fleet([server('web')]), AT)).toEqual({
      head: 'web is healthy',
      lede: 'No open alerts. Last report 5 s ago.',
    })
  })
  it('counts what needs a person, not what somebody took already', () => {
    const list = [incident('a'), incident('b', { state: 'acknowledged' })]
    expect(sentence(fleet([server('x'), server('y')], list), AT).head).toBe('One thing needs you')
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
  expect(cpu?.textContent).toBe('20% 10 min ago')
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
it('live changes are folded in: new servers come, resolved incidents go', () => {
  const before = fleet([server('a')], [incident('i')])
  const data = { servers: [server('a', { cpu: 99 }), server('b')] }
  const after = fold(before, { topic: 'fleet', seq: 1, at: AT, data })
  expect(after.servers.map((one) => [one.name, one.cpu])).toEqual([
    ['a', 99],
    ['b', 20],
  ])
  const gone = fold(after, {
    topic: 'incidents',
    seq: 1,
    at: AT,
    data: { incident: incident('i', { state: 'resolved' }) },
  })
  expect(gone.incidents).toEqual([])
  expect(withIncident([incident('i')], incident('j')).map((one) => one.id)).toEqual(['j', 'i'])
})
it('servers that were removed go, also where the same message still tells of them', () => {
  const data = { servers: [server('b')], removed: ['a', 'b'] }
  const after = fold(fleet([server('a'), server('c')]), { topic: 'fleet', seq: 1, at: AT, data })
  expect(after.servers.map((one) => one.id)).toEqual(['c'])
})
it('rows: trouble first, the filter looks at name, tag and system', () => {
  const list = [server('b10'), server('b9'), silent('z'), server('q', { tags: ['edge'] })]
  expect(rows(list, '', 'all').map((one) => one.name)).toEqual(['z', 'b9', 'b10', 'q'])
  expect(rows(list, 'EDGE', 'all').map((one) => one.name)).toEqual(['q'])
  expect(rows(list, '', 'bad').map((one) => one.name)).toEqual(['z'])
  expect(grouped(list, 'tag')[0]?.[0]).toBe('No tag')
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
    const many = [silent('quiet'), ...Array.from({ length: 500 }, (_, i) => server(`s${i}`))]
    render(<Table servers={many} traces={new Traces()} at={AT} />)
    const table = screen.getByRole('table', { name: 'Servers' })
    expect(table.getAttribute('aria-rowcount')).toBe('502')
    expect(screen.getAllByRole('row').length).toBeLessThan(30)
    expect(screen.getByRole('row', { name: /quiet/ }).textContent).toContain('no data')
    await userEvent.type(screen.getByRole('searchbox', { name: 'Filter servers' }), 's499')
    expect(screen.getAllByRole('row')).toHaveLength(2)
    await userEvent.type(screen.getByRole('searchbox'), 'zzz')
    expect(screen.getByText('No server matches. Clear the filter to see all 501.')).toBeTruthy()
  })
})
