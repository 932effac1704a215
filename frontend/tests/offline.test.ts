// The page without a line: what it shows of what this browser kept.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import english from '../src/words/en.json'

const KEPT = new Map<string, unknown>()

beforeEach(() => {
  KEPT.clear()
  vi.resetModules()
  vi.useFakeTimers()
  const place = document.createElement('div')
  place.dataset.snapshot = ''
  document.body.replaceChildren(place)
  const match = async (place: string) => (KEPT.has(place) ? new Response(JSON.stringify(KEPT.get(place))) : undefined)
  vi.stubGlobal('caches', { open: async () => ({ match }) })
  history.replaceState(null, '', '/capacity/')
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function shown(): Promise<string> {
  ;(await import('../src/words')).setWords(english)
  await import('../src/offline')
  await vi.waitFor(() => expect(document.querySelector('[data-snapshot]')?.childElementCount).toBeGreaterThan(0))
  return document.querySelector('[data-snapshot]')?.textContent ?? ''
}
const alerts = {
  at: 0,
  incidents: [{ title: 'web is full', url: '/incidents/1/', severity: 'critical', since: 0, owner: null }],
}

it('shows the alerts where no look at the fleet is held', async () => {
  KEPT.set('/alerts/', alerts)
  const text = await shown()
  expect(text).toContain('web is full')
  expect(text).toContain('These are the alerts as they were')
  expect(text).not.toContain('no earlier look')
})

it('prefers the fleet, and says so where nothing is held', async () => {
  expect(await shown()).toContain('no earlier look')
  vi.resetModules()
  KEPT.set('/alerts/', alerts).set('/snapshot/', { at: 0, count: 0, servers: [], incidents: [] })
  const place = document.createElement('div')
  place.dataset.snapshot = ''
  document.body.replaceChildren(place)
  expect(await shown()).toContain('This is the fleet as it was')
})
