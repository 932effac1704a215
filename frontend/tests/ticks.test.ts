import { afterEach, expect, it } from 'vitest'
import { stamp, ticks } from '../src/charts/ticks'
import { person } from '../src/person'

const at = (text: string) => Date.parse(text) / 1000
const words = (from: string, to: string, count = 7) => ticks([at(from), at(to)], count).map(([, text]) => text)

afterEach(() => {
  person.zone = undefined
  document.documentElement.lang = 'en'
})

it('labels round times of the reader, whatever the clocks of this browser say', () => {
  person.zone = 'Asia/Kolkata' // half an hour beside all others
  expect(words('2026-11-21T10:07:00Z', '2026-11-21T11:07:00Z')).toEqual([
    '15:40', '15:45', '15:50', '15:55', '16:00', '16:05', '16:10', '16:15', '16:20', '16:25', '16:30', '16:35',
  ]) // biome-ignore format: a list
  const [first] = ticks([at('2026-11-21T10:07:00Z'), at('2026-11-21T11:07:00Z')], 7)
  expect(first?.[0]).toBe(at('2026-11-21T10:10:00Z'))
})

it('keeps to the clocks of each moment where they are changed in between', () => {
  person.zone = 'Europe/Copenhagen'
  const found = ticks([at('2026-10-24T00:00:00Z'), at('2026-10-28T00:00:00Z')], 5)
  expect(found.map(([when]) => new Date(when * 1000).toISOString().slice(0, 16))).toEqual([
    '2026-10-24T22:00', '2026-10-25T23:00', '2026-10-26T23:00', '2026-10-27T23:00',
  ]) // biome-ignore format: a list
})

it('counts long times in months and years, and seconds where all is short', () => {
  person.zone = 'UTC'
  expect(words('2026-01-10T00:00:00Z', '2026-11-21T00:00:00Z', 9)).toHaveLength(10)
  expect(words('2026-01-10T00:00:00Z', '2026-11-21T00:00:00Z', 9)[0]).toBe('1 Feb')
  expect(words('2026-11-21T10:00:00Z', '2026-11-21T10:01:00Z', 4)).toEqual([
    '10:00:00', '10:00:15', '10:00:30', '10:00:45', '10:01:00',
  ]) // biome-ignore format: a list
  expect(stamp(at('2026-11-21T10:00:05Z'))).toMatch(/^Sat.*10:00:05$/)
})
