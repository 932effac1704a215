import { renderHook } from '@testing-library/react'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ChartData, clusters, frame, type Mark } from '../src/charts/engine'
import { contrast, headline, markText } from '../src/charts/said'
import { marked, Sync } from '../src/charts/sync'
import { ticks } from '../src/charts/ticks'
import { fromWall, offset, toWall } from '../src/charts/zone'
import { renewAfter, useBoard } from '../src/islands/server/board'
import { read, shiftOf, write } from '../src/islands/server/place'
import { specsOf } from '../src/islands/server/Sections'
import { Chart, SPECS } from '../src/islands/server/series'
import type { Around, Section } from '../src/islands/server/types'
import type { Server } from '../src/types'
import { setWords } from '../src/words'
import english from '../src/words/en.json'

beforeAll(() => setWords(english))
const mark = (at: number): Mark => ({ at, kind: 'event', text: `at ${at}` })
const ID = '12345678-1234-1234-1234-123456789abc'

describe('the address', () => {
  it('says the time, the comparison and the chart, and is read as it was written', () => {
    for (const search of ['?range=6h', '?from=100&to=200&compare=week', `?range=90d&compare=server:${ID}&chart=cpu`])
      expect(write(read(search))).toBe(search)
    expect(shiftOf('week')).toBe(7 * 86400)
    expect(shiftOf(`server:${ID}`)).toBe(0)
  })
  it('forgives what it does not know, and says so', () => {
    for (const search of [
      '?range=banana',
      '?from=9&to=1',
      '?from=x&to=y',
      '?to=5',
      '?compare=moon',
      '?compare=server:../x',
    ])
      expect(read(search)).toMatchObject({ span: null, fixed: null, compare: '', odd: true })
    expect(read('')).toMatchObject({ span: null, fixed: null, odd: false })
  })
})
describe('marks', () => {
  it('stand as one where they would lie on each other, and outside the range not at all', () => {
    const found = clusters([mark(5), mark(100), mark(101), mark(150), mark(999)], [50, 200], 150)
    expect(found.map(({ marks }) => marks.length)).toEqual([2, 1])
    expect(markText(found[0] ?? { at: 0, marks: [] })).toBe('at 100 and 1 more')
  })
  it('a thousand of them are at most as many as there is room for', () => {
    const many = Array.from({ length: 1000 }, (_, i) => mark(i))
    expect(clusters(many, [0, 1000], 400).length).toBeLessThanOrEqual(400 / 9 + 1)
  })
})
describe('a time marked by keys', () => {
  it('grows from the cursor, and becomes the range', () => {
    const s = new Sync([0, 1000])
    s.hover = 500
    s.extend(100)
    s.extend(100)
    expect(s.brush).toEqual([500, 700])
    s.extend(-400)
    expect(marked(s.brush ?? [0, 0])).toEqual([300, 500])
    s.take()
    expect([s.range, s.brush]).toEqual([[300, 500], null])
  })
})
describe('a history that could not be had', () => {
  it('is not called "no data" until one came', () => {
    const chart = new Chart(SPECS[0] as (typeof SPECS)[number], 15)
    chart.fail()
    expect(headline(chart.data, String, null, 100)).toEqual(['not loaded', ''])
    chart.load({ t: [], step: 15, series: [] })
    expect(headline(chart.data, String, null, 100)).toEqual(['no data', ''])
  })
})
describe('moving in time', () => {
  const wide = () => {
    const s = new Sync([0, 1000])
    s.widest = 100_000
    return s
  }
  it('steps back by half a range, and forward to the present again', () => {
    const s = wide()
    s.step(-1)
    expect(s.range).toEqual([-500, 500])
    s.step(1)
    expect(s.live).toBe(true)
  })
  it('zooms out beyond home as far as it may, never into the future', () => {
    const s = wide()
    s.zoom(4)
    expect(s.range).toEqual([-3000, 1000])
    s.zoom(1000)
    expect(s.range[1] - s.range[0]).toBe(100_000)
    expect(s.range[1]).toBeLessThanOrEqual(1000)
  })
  it('does not draw for less than a pixel', () => {
    const s = wide()
    s.follow(1001)
    expect(s.range).toEqual([0, 1000])
    s.follow(1010)
    expect(s.range).toEqual([10, 1010])
  })
})
describe('another time beside it', () => {
  const data = (here: number, there: number): ChartData => ({
    t: Float64Array.from([0, 10]),
    lines: [{ key: 'a', label: 'a', color: '--c1', values: Float64Array.from([here, here]) }],
    ghost: { t: Float64Array.from([0, 10]), values: Float64Array.from([there, Number.NaN]) },
  })
  it('is told in words', () => {
    expect(contrast(data(28, 10), [0, 10])).toBe('2.8×')
    expect(contrast(data(107, 100), [0, 10])).toBe('+7\u00a0%')
    expect(contrast(data(80, 100), [0, 10])).toBe('−20\u00a0%')
    expect(contrast(data(1, 0), [0, 10])).toBe('')
  })
  it('fits on the axis too', () => {
    const f = frame(data(10, 80), [0, 10], { w: 400, h: 160 }, true)
    expect(f.y.domain()[1]).toBeGreaterThanOrEqual(80)
  })
})
describe('a limit', () => {
  const d = (limit: number): ChartData => ({
    t: Float64Array.from([0, 10]),
    lines: [{ key: 'a', label: 'a', color: '--c1', values: Float64Array.from([4, 4]) }],
    limits: [{ value: limit, critical: true, text: 'x' }],
  })
  it('moves the axis when it is near, and flattens nothing when it is far', () => {
    const top = (limit: number) => frame(d(limit), [0, 10], { w: 400, h: 160 }, false).y.domain()[1] ?? 0
    expect(top(8)).toBeGreaterThanOrEqual(8)
    expect(top(5000)).toBeLessThan(10)
  })
  it('is drawn where one of its label sets has a line, alerts likewise', () => {
    const around: Around = {
      limits: [
        {
          rule: 'Full',
          id: '1',
          metric: 'disk_used_percent',
          sets: [{ mount: '/' }],
          op: 'above',
          warn: 80,
          critical: 90,
          texts: ['80 %', '90 %'],
        },
      ],
      alerts: [
        {
          metric: 'disk_used_percent',
          labels: { mount: '/' },
          rule: 'Full',
          severity: 'warn',
          start: 5,
          end: 8,
          url: '',
        },
      ],
      marks: [],
      unusual: [],
      usual: { t: [], series: [] },
    }
    const [cpu, disks] = SPECS.filter(({ id }) => id === 'cpu' || id === 'disks').map((spec) => new Chart(spec, 10))
    cpu?.dress(around)
    disks?.dress(around)
    expect(cpu?.data.limits).toEqual([])
    expect(disks?.data.limits).toMatchObject([
      { value: 80, text: 'Full 80 %' },
      { value: 90, critical: true },
    ])
    expect(disks?.data.spans).toEqual([{ from: 5, to: 8, critical: false }])
  })
})
describe("the reader's zone", () => {
  it('is a distance from the clocks of this browser', () => {
    const noon = Date.UTC(2026, 6, 1, 12) / 1000
    const there = offset(noon * 1000, 'Asia/Kolkata')
    const here = offset(noon * 1000, 'UTC')
    expect((there - here) / 60_000).toBe(330)
    expect(fromWall(toWall(noon))).toBe(noon)
  })
  it('labels the axis on round times', () => {
    const found = ticks([1_800_000_000, 1_800_021_600], 6)
    expect(found.length).toBeGreaterThan(2)
    for (const [, text] of found) expect(text).toMatch(/:(00|30)$/)
  })
})
describe('sections', () => {
  const sets = Array.from({ length: 10 }, (_, i) => ({ labels: { core: String(i) }, name: String(i) }))
  const section: Section = {
    id: 'cpu',
    title: 'Processor',
    series: 11,
    charts: [
      { metric: 'cpu_core_used_percent', title: 'CPU core used', meaning: '', count: 10, sets },
      { metric: 'cpu_used_percent', title: 'CPU used', meaning: '', count: 1, sets: [{ labels: {}, name: '' }] },
    ],
  }
  it('leave no series out: a few lines on each chart, as many charts as it takes', () => {
    const specs = specsOf(section, '')
    expect(specs.map(({ text }) => text)).toEqual([
      'CPU core used · 0, 1, 2, 3',
      'CPU core used · 4, 5, 6, 7',
      'CPU core used · 8, 9',
    ])
    expect(specs[2]?.parts[0]?.lines?.({ core: '9' })).toBe('9')
    expect(specs[2]?.parts[0]?.lines?.({ core: '1' })).toBeNull()
  })
  it('are found by words of any order', () => {
    expect(specsOf(section, 'used 7')[0]?.text).toBe('CPU core used · 7')
    expect(specsOf(section, 'nothing')).toEqual([])
  })
})

describe('a page that stays open', () => {
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })
  it('shows the minutes of a machine that began just now, also where its first load gave way to another', async () => {
    const at = Math.floor(Date.now() / 1000)
    let first = true
    vi.stubGlobal('fetch', async (url: string, { signal }: RequestInit) => {
      const [span, here] = [new URLSearchParams(url.split('?')[1]), url.includes('/series')]
      if (here && first) {
        first = false
        return new Promise((_, no) => signal?.addEventListener('abort', () => no(signal.reason)))
      }
      const now = Number(span.get('end')) > at - 20
      const line = { metric: 'cpu_used_percent', labels: {}, v: [1] }
      const body = here ? { t: now ? [at - 30] : [], step: 10, series: now ? [line] : [] } : { limits: [], alerts: [] }
      return new Response(JSON.stringify({ marks: [], ...body }))
    })
    const { result, unmount } = renderHook(() => useBoard({ id: ID, interval: 10, seen: null } as Server))
    result.current.again()
    await vi.waitFor(() => expect(result.current.place).toMatchObject({ span: 900 }))
    unmount()
    history.replaceState(null, '', '/')
  })
  it('loads its time anew, so that its points do not pile up and its alerts are those of now', async () => {
    vi.useFakeTimers()
    const asked: string[] = []
    vi.stubGlobal('fetch', async (url: string) => {
      asked.push(url)
      const body = url.includes('/series') ? { t: [], step: 10, series: [] } : { limits: [], alerts: [], marks: [] }
      return new Response(JSON.stringify(body))
    })
    const { result, unmount } = renderHook(() => useBoard({ id: ID, interval: 10, seen: null } as Server))
    await vi.advanceTimersByTimeAsync(2000)
    const cpu = result.current.charts[0]
    const from = Date.now() / 1000
    for (let i = 0; i < 50; i++) result.current.append({ t: [from + i], series: { cpu_used_percent: [1] } })
    expect(cpu?.data.t).toHaveLength(50)
    const before = asked.length
    await vi.advanceTimersByTimeAsync((renewAfter(3600) + 2) * 1000)
    expect(asked.slice(before).some((url) => url.includes('/around'))).toBe(true)
    expect(cpu?.data.t).toHaveLength(0)
    expect(result.current.loaded).toBe('ready')
    unmount()
    const over = asked.length
    await vi.advanceTimersByTimeAsync(7_200_000)
    expect(asked).toHaveLength(over)
  })
})
it('the axis tells the clocks of its moments, also where they change within it', async () => {
  vi.resetModules()
  document.documentElement.dataset.zone = 'Europe/Copenhagen'
  const { ticks: labels } = await import('../src/charts/ticks')
  delete document.documentElement.dataset.zone
  vi.resetModules()
  const at = (day: number, hour: number) => Date.UTC(2026, 2, day, hour) / 1000
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Copenhagen', hour: '2-digit', minute: '2-digit' })
  const found = labels([at(28, 10), at(29, 9)], 12)
  expect(found.length).toBeGreaterThan(5)
  for (const [moment, text] of found) expect(clock.format(moment * 1000)).toBe(text)
})
