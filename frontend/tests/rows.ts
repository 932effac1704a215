// Rows as the hub tells them, but for what a test says of them.
import type { Incident } from '../src/types'

export const incident = (part: Partial<Incident> = {}): Incident => ({
  id: 'i1',
  title: 'CPU hot',
  severity: 'critical',
  state: 'open',
  since: 0,
  until: null,
  owner: null,
  server: null,
  rule: '',
  metric: '',
  labels: {},
  value: null,
  limit: null,
  url: '/incidents/i1/',
  team: 'Main',
  ...part,
})
