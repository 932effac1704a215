import { expect, it } from 'vitest'
import { OpenAlerts } from '../src/openAlerts'
import type { Incident } from '../src/types'

const incident = (id: string, state: Incident['state'] = 'open', parent: string | null = null) =>
  ({ id, state, parent }) as Incident

it('the number beside "Alerts" follows what opens, what is taken and what is over', () => {
  const open = new OpenAlerts(1)
  expect(open.known).toBe(false)
  open.learn([incident('a'), incident('old', 'resolved')])
  open.change(incident('b'))
  open.change(incident('b', 'acknowledged'))
  expect(open.shown).toBe(2)
  open.change(incident('a', 'resolved'))
  open.change(incident('a', 'resolved'))
  expect(open.shown).toBe(1)
})
it('beyond what the page holds, the count of the hub goes on', () => {
  const open = new OpenAlerts(250)
  open.learn(Array.from({ length: 200 }, (_, i) => incident(String(i))))
  expect(open.shown).toBe(250)
  open.change(incident('7', 'resolved'))
  expect(open.shown).toBe(249)
})
it('what another open one explains is not counted beside it, as in the inbox', () => {
  const open = new OpenAlerts(1)
  open.learn([incident('switch'), incident('a', 'open', 'switch'), incident('b', 'open', 'gone')])
  expect(open.shown).toBe(2)
  open.change(incident('c', 'open', 'switch'))
  expect(open.shown).toBe(2)
  open.change(incident('switch', 'resolved'))
  expect(open.shown).toBe(3)
})
