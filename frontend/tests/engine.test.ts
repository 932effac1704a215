import { describe, expect, it } from 'vitest'
import { type ChartData, frame, gaps, labelled, peak, placed, runs, silence, tidy } from '../src/charts/engine'
import { headline, pick, valueText } from '../src/charts/said'

const N = Number.NaN
const line = (values: number[], label = 'a') => ({
  key: label,
  label,
  color: '--c1',
  values: Float64Array.from(values),
})
const data = (values: number[], more: Partial<ChartData> = {}): ChartData => ({
  t: Float64Array.from(values.map((_, i) => i * 10)),
  lines: [line(values)],
  ...more,
})

it('the words of limits never stand on each other', () => {
  const found = placed([20, 24, 26, 28, 90])
  expect(found.slice(0, 2)).toEqual([
    [0, 20],
    [1, 24],
  ])
  for (const [i, [side, at]] of found.entries())
    for (const [j, [other, there]] of found.entries())
      if (i !== j && side === other) expect(Math.abs(at - there)).toBeGreaterThanOrEqual(14)
})
describe('silence', () => {
  it('splits samples into runs; a missing sample belongs to none', () => {
    expect(runs([1, 2, N, N, 5])).toEqual([
      [0, 1],
      [4, 4],
    ])
    expect(runs([N, N])).toEqual([])
    expect(runs([])).toEqual([])
  })
  it('one late sample is no gap, a long pause is one', () => {
    const t = [0, 10, 20, 40, 100]
    expect(runs([1, 1, N, 1, 1], 0, 4, { t, pause: 30 })).toEqual([
      [0, 3],
      [4, 4],
    ])
  })
  it('gaps touch the samples beside them, also at both ends', () => {
    const v = [N, 1, N, 3, N]
    expect(gaps(runs(v), 0, 4)).toEqual([
      [0, 1],
      [1, 3],
      [3, 4],
    ])
    expect(gaps(runs([N, N, N]), 0, 2)).toEqual([[0, 2]])
    expect(gaps(runs([1, 2, 3]), 0, 2)).toEqual([])
  })
  it('a server that stopped is silent until the end of the range, never flat and never zero', () => {
    const d = data([5, 6, 7], { step: 10 })
    expect(silence(d, { i0: 0, i1: 2 }, [0, 200])).toEqual([[20, 200]])
    expect(silence(d, { i0: 0, i1: 2 }, [0, 45])).toEqual([])
  })
  it('a range without any sample is silent as a whole', () => {
    expect(silence(data([N, N]), { i0: 0, i1: 1 }, [0, 200])).toEqual([[0, 200]])
  })
  it('says "no data" instead of a number', () => {
    const d = data([1, N, N, N, N, N], { step: 10 })
    expect(valueText(d, (v) => `${v} MB/s`, pick(d, 50))).toBe('no data')
    expect(valueText(d, (v) => `${v} MB/s`, pick(d, 10))).toBe('1 MB/s')
  })
})
describe('the headline', () => {
  const fmt = (v: number) => `${v}%`
  const words = { none: 'no data', before: String, ago: (time: number) => `${100 - time} s ago` }
  it('is the newest value measured, with its age once it is old', () => {
    const d = data([1, 2, N, N], { step: 10, words })
    expect(headline(d, fmt, null, 30)).toEqual(['2%', ''])
    expect(headline(d, fmt, null, 100)).toEqual(['2%', '90 s ago'])
    expect(headline(d, fmt, 0, 100)).toEqual(['1%', ''])
    // what came since the range last moved is told in one that follows the present, and not in one that stands
    expect(headline(d, fmt, null, 9.5, true)).toEqual(['2%', ''])
    expect(headline(d, fmt, null, 9.5)).toEqual(['1%', ''])
    expect(headline(data([N, N], { words }), fmt, null, 100)).toEqual(['no data', ''])
    expect(headline(data([], { words }), fmt, null, 100)).toEqual(['no data', ''])
  })
  it('never is a mean of unlike samples: a point that stands for several says its lowest and highest', () => {
    const d = data([30, 30])
    Object.assign(d.lines[0] ?? {}, { low: Float64Array.from([10, 30]), high: Float64Array.from([60, 30]) })
    expect(valueText(d, fmt, 0)).toBe('10–60%')
    expect(valueText(d, fmt, 1)).toBe('30%')
  })
  it('tells what was known before the range', () => {
    const last = { at: 40, values: new Map([['a', 7]]) }
    expect(headline(data([N, N], { words, last }), fmt, null, 100)).toEqual(['7%', '60 s ago'])
  })
})
describe('labels', () => {
  it('no label stands twice, and none says zero above zero', () => {
    expect(labelled([0.5, 1, 1.4], (v) => `${v.toFixed(0)} B`, '0 B').map(([, text]) => text)).toEqual(['1 B'])
  })
  it('are as short as they can be', () => {
    expect(['60.0', '1.50 MB/s', '5.0%', '0.25', '200 MB/s', '100'].map((one) => tidy(one))).toEqual([
      '60',
      '1.5 MB/s',
      '5%',
      '0.25',
      '200 MB/s',
      '100',
    ])
    expect(['60,0\u00a0%', '1,50 MB/s', '1.500', '0,25'].map((one) => tidy(one, ','))).toEqual([
      '60\u00a0%',
      '1,5 MB/s',
      '1.500',
      '0,25',
    ])
  })
})
describe('frame', () => {
  it('holds the limit, and reaches as far as it must', () => {
    expect(frame(data([1, 2], { threshold: 50 }), [0, 10], { w: 400, h: 164 }, false).y.domain()[1]).toBeGreaterThan(50)
    expect(frame(data([N], { least: 1000 }), [0, 10], { w: 400, h: 164 }, false).y.domain()[1]).toBe(1000)
  })
  it('scales to the visible samples only and ignores missing ones', () => {
    expect(peak([Float64Array.from([900, 4, N, 7])], 1, 3)).toBe(7)
    const f = frame(data([900, 40, 80, 60]), [10, 30], { w: 400, h: 164 }, false)
    expect([f.i0, f.i1]).toEqual([1, 3])
    expect(f.y.domain()[1]).toBe(80)
  })
  it('has a height even with nothing to show', () => {
    expect(frame(data([N, N]), [0, 10], { w: 400, h: 164 }, false).y.domain()[1]).toBe(1)
  })
})
it('writes the unit once for several lines', () => {
  const d = data([493])
  d.lines.push(line([217], 'b'))
  expect(valueText(d, (v) => `${v} MB/s`, 0)).toBe('493 · 217 MB/s')
})
