import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, expect, it, vi } from 'vitest'
import { bytes, duration, percent, unitOf } from '../src/format'
import { csrf } from '../src/live/http'
import type { Incident } from '../src/types'
import { Acknowledge } from '../src/ui/Acknowledge'
import { Bar, Segments, Status } from '../src/ui/parts'
import { shownCauses } from '../src/waiting'
import { setWords, t, tn } from '../src/words'
import english from '../src/words/en.json'

afterEach(() => {
  vi.unstubAllGlobals()
  setWords(english)
  document.body.replaceChildren()
})
const incident = { id: 'i1', title: 'Disk is full', state: 'open' } as Incident

it('status is never colour alone: it has a word and a shape', () => {
  render(<Status s="crit">Critical</Status>)
  expect(screen.getByText('Critical').querySelector('svg')).not.toBeNull()
})
it('a segmented control is a named group of toggle buttons', async () => {
  const got = vi.fn()
  const options = [
    ['All', 'all'],
    ['Problems', 'bad'],
  ] as const
  render(<Segments label="Show" options={options} value="all" onPick={got} />)
  expect(screen.getByRole('group', { name: 'Show' })).toBeTruthy()
  expect(screen.getByRole('button', { name: 'All' }).getAttribute('aria-pressed')).toBe('true')
  await userEvent.click(screen.getByRole('button', { name: 'Problems' }))
  expect(got).toHaveBeenCalledWith('bad')
})
it('a value that is missing or old is said, not drawn', () => {
  const { container } = render(
    <>
      <Bar v={null} />
      <Bar v={50} fresh={false} />
    </>,
  )
  expect(container.textContent).toBe('no datano data')
  expect(container.querySelector('.bar')).toBeNull()
})
it('acknowledges with the token of the page, and says why it failed', async () => {
  const meta = document.createElement('meta')
  meta.name = 'csrf-token'
  meta.content = 'abc'
  document.head.append(meta)
  const asked = vi.fn(async () => new Response('{"detail": "It was resolved a moment ago."}', { status: 409 }))
  vi.stubGlobal('fetch', asked)
  render(<Acknowledge incident={incident} />)
  await userEvent.click(screen.getByRole('button', { name: 'Acknowledge: Disk is full' }))
  const [url, init] = asked.mock.calls[0] as unknown as [string, RequestInit]
  expect(url).toBe('/api/v1/incidents/i1/acknowledge')
  expect(init.method).toBe('POST')
  expect((init.headers as Record<string, string>)['X-CSRFToken']).toBe('abc')
  expect(screen.getByRole('alert').textContent).toContain('It was resolved a moment ago.')
  document.head.replaceChildren()
})
it('finds the token in the cookie where the page has none', () => {
  vi.stubGlobal('document', { querySelector: () => null, cookie: 'a=1; __Host-csrf=xyz' })
  expect(csrf()).toBe('xyz')
})
it('numbers and ages as people read them', () => {
  expect([59, 60, 3600, 8040, 90000].map(duration)).toEqual(['59 s', '1 min', '1 h', '2 h 14 min', '1 d 1 h'])
  expect([0, 999, 1000, 12_345, 2.5e9].map(bytes)).toEqual([
    '0\u00a0B',
    '999\u00a0B',
    '1.00\u00a0kB',
    '12.3\u00a0kB',
    '2.50\u00a0GB',
  ])
  expect([percent(null), percent(0), percent(4.25), percent(61.4)]).toEqual([
    'no data',
    '0\u00a0%',
    '4.3\u00a0%',
    '61.4\u00a0%',
  ])
  expect(unitOf('net_sent_bytes_per_second')(1500)).toBe('1.50\u00a0kB/s')
})
it('words of the page win over English, plurals follow the language', () => {
  expect(tn('fleet.needs', 1)).toBe('One thing needs you')
  expect(tn('fleet.needs', 3)).toBe('3 things need you')
  setWords({ ...english, 'state.ok': 'Rask' })
  expect(t('state.ok')).toBe('Rask')
})
it('what is known to be wrong is said at once, guesses after a minute', () => {
  const causes = [true, false].map((seen) => ({ title: '', text: '', test: '', seen }))
  expect(shownCauses(causes, 1000)).toEqual([causes[0]])
  expect(shownCauses(causes, 60_000)).toEqual(causes)
})
