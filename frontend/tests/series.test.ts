import { expect, it } from 'vitest'
import { blurred, Chart, columnOf, mark, parseSeries, SPECS, sharpen } from '../src/islands/server/series'

const chart = (id: string) => new Chart(SPECS.find((spec) => spec.id === id) as (typeof SPECS)[number], 10)
const answer = (series: Array<[string, Record<string, string>, Array<number | null>]>, step = 10) => ({
  t: [100, 110, 120],
  step,
  series: series.map(([metric, labels, v]) => ({ metric, labels, v })),
})

it('reads a column as the live topic writes it', () => {
  expect(parseSeries('cpu_used_percent')).toEqual({ metric: 'cpu_used_percent', labels: {} })
  expect(parseSeries('disk_used_percent{mount="/srv/\\"x\\"",a="b"}')).toEqual({
    metric: 'disk_used_percent',
    labels: { mount: '/srv/"x"', a: 'b' },
  })
})
it('adds interfaces up and leaves bridges out, so that bytes are counted once', () => {
  const net = chart('network')
  net.load(
    answer([
      ['net_received_bytes_per_second', { nic: 'eth0' }, [1, 2, 3]],
      ['net_received_bytes_per_second', { nic: 'eth1' }, [10, null, 30]],
      ['net_received_bytes_per_second', { nic: 'docker0' }, [100, 100, 100]],
    ]),
  )
  expect([...(net.data.lines[0]?.values ?? [])]).toEqual([11, 2, 33])
  expect(mark('disk_read_bytes_per_second', { device: 'dm-0' })).toBe(false)
})
it('keeps the four fullest disks, the fullest first', () => {
  const disks = chart('disks')
  const rows = [10, 90, 50, 30, 70].map(
    (v, i) => ['disk_used_percent', { mount: `/${i}` }, [v, v, v]] as [string, Record<string, string>, number[]],
  )
  disks.load(answer(rows))
  expect(disks.data.lines.map((line) => line.label)).toEqual(['/1', '/4', '/2', '/3'])
})
it('a missing sample stays missing, in history and live', () => {
  const cpu = chart('cpu')
  cpu.load(answer([['cpu_used_percent', {}, [1, null, 3]]]))
  cpu.append([130, 140], { cpu_used_percent: [null, 5] })
  expect([...(cpu.data.lines[0]?.values ?? [])]).toEqual([1, Number.NaN, 3, Number.NaN, 5])
})
it('a point that is there already is not added again', () => {
  const cpu = chart('cpu')
  cpu.load(answer([['cpu_used_percent', {}, [1, 2, 3]]]))
  cpu.append([110, 120, 130], { cpu_used_percent: [9, 9, 4] })
  expect([...cpu.data.t]).toEqual([100, 110, 120, 130])
  expect([...(cpu.data.lines[0]?.values ?? [])]).toEqual([1, 2, 3, 4])
})
it('a line that comes later begins where it begins, and lines keep their order and colour', () => {
  const cpu = chart('cpu')
  cpu.append([100], { cpu_iowait_percent: [2] })
  expect(cpu.append([110], { cpu_used_percent: [50], cpu_iowait_percent: [3] })).toBe(true)
  expect(cpu.data.lines.map((line) => [line.key, line.color])).toEqual([
    ['cpu_used_percent', '--c1'],
    ['cpu_iowait_percent', '--c3'],
  ])
  expect([...(cpu.data.lines[0]?.values ?? [])]).toEqual([Number.NaN, 50])
})
it('a column is written as it is read', () => {
  const one = { metric: 'disk_used_percent', labels: { mount: '/srv/"x\\' } }
  expect(parseSeries(columnOf(one))).toEqual(one)
})
it('the newest point gives way to the samples it stands for', () => {
  const rough = {
    t: [100, 200, 300],
    step: 100,
    series: [{ metric: 'm', labels: {}, v: [1, 30, null], min: [1, 10, null], max: [1, 50, null] }],
  }
  expect(blurred(rough)).toEqual([200, 300])
  const single = { t: [199, 210, 220], step: 0, series: [{ metric: 'm', labels: {}, v: [1, 10, 50] }] }
  const sharp = sharpen(rough, single)
  expect(sharp.t).toEqual([100, 210, 220])
  expect(sharp.series[0]?.v).toEqual([1, 10, 50])
  expect(blurred(sharp)).toBeNull()
})
it('what was known before the range is kept in the order of the lines', () => {
  const load = chart('load')
  load.remember(
    answer([
      ['load5', {}, [1, 2, null]],
      ['load1', {}, [3, 4, 5]],
      ['cpu_used_percent', {}, [9, 9, 9]],
    ]),
  )
  expect(load.data.last?.at).toBe(120)
  expect([...(load.data.last?.values.values() ?? [])]).toEqual([5, 2])
})
