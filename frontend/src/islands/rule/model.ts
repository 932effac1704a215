// A rule while it is written: where it starts, what each kind needs, and the body that the hub gets.
import type { Metric, Rule, RuleProps } from '../../alerting/types'

export const KINDS = ['threshold', 'change', 'past', 'no_data', 'forecast', 'anomaly', 'composite'] as const
export type Kind = (typeof KINDS)[number]
export const LIMITS = ['warn', 'warn_recover', 'critical', 'critical_recover'] as const
export const FORECAST = 'forecast_seconds_left'
export const UNUSUAL = 'anomaly_score'
const HOUR = 3600

export function blank({ metrics, manages, start }: Pick<RuleProps, 'metrics' | 'manages' | 'start'>): Rule {
  const { metric } = start // nobody's guess: a form left untouched is no rule
  const rule: Rule = {
    team: manages[0] ?? '',
    name: '',
    kind: 'threshold',
    metric,
    labels: {},
    selector: start.selector,
    op: 'above',
    warn: null,
    warn_recover: null,
    critical: null,
    critical_recover: null,
    for: 300,
    keep_firing_for: 0,
    params: {},
    notify: [],
    group_by: [],
    group_wait: null,
    group_interval: null,
    repeat_intervals: [],
    runbook: '',
    enabled: true,
  }
  return { ...rule, ...limitsFor(metrics.find((one) => one.name === metric)) }
}
/** Where to start with a metric: what its description suggests. */
export const limitsFor = (metric: Metric | undefined): Partial<Rule> => ({
  op: metric?.op ?? 'above',
  warn: metric?.warn ?? null,
  critical: metric?.critical ?? null,
  warn_recover: null,
  critical_recover: null,
})
const none = { warn: null, warn_recover: null, critical: null, critical_recover: null }
/** The same rule as another kind: what the new kind does not know is left out, so that nothing hidden is kept. */
export function asKind(rule: Rule, kind: Kind, metrics: Metric[]): Rule {
  const derived = rule.metric === FORECAST || rule.metric === UNUSUAL
  const metric = derived ? '' : rule.metric
  const common: Rule = { ...rule, kind, metric, labels: derived ? {} : rule.labels, params: {}, op: 'above' }
  switch (kind) {
    case 'change':
      return { ...common, ...none, critical: 50, params: { window: HOUR, percent: true }, for: 0 }
    case 'past':
      return {
        ...common,
        ...none,
        critical: 50,
        params: { against: 'day', window: HOUR, percent: true },
        for: 300,
      }
    case 'no_data':
      return { ...common, ...none, metric: '', labels: {}, for: 60 }
    case 'composite':
      return { ...common, ...none, metric: '', labels: {}, params: { rules: '' }, for: 0 }
    case 'forecast':
      return {
        ...common,
        ...none,
        metric: FORECAST,
        labels: { metric: 'disk_used_percent' },
        op: 'below',
        critical: 4 * HOUR,
        warn: 24 * HOUR,
        for: 0,
      }
    case 'anomaly':
      return { ...common, ...none, metric: UNUSUAL, labels: {}, warn: 1, for: 300 }
    default:
      return { ...common, ...limitsFor(metrics.find((one) => one.name === metric)) }
  }
}
const ID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/
const TERM = new RegExp(`^(not )?(${ID.source})$`)
interface Term {
  id: string
  not: boolean
}
/** A plain chain of rules, all of them or any of them; null for what only the text can say. */
export function terms(text: string): { join: 'and' | 'or'; list: Term[] } | null {
  const join = / or /.test(text) ? 'or' : 'and'
  const list: Term[] = []
  for (const part of text.trim() ? text.trim().split(` ${join} `) : []) {
    const found = TERM.exec(part.trim())
    if (!found) return null
    list.push({ id: found[2] ?? '', not: Boolean(found[1]) })
  }
  return { join, list }
}
export const joined = (join: 'and' | 'or', list: Term[]): string =>
  list.map(({ id, not }) => (not ? `not ${id}` : id)).join(` ${join} `)

/** Labels as people write them: mount="/", device=sd* → pairs; null when it cannot be read. */
export function readLabels(text: string): Record<string, string> | null {
  const found: Record<string, string> = {}
  for (const part of text.split(',').map((one) => one.trim())) {
    if (!part) continue
    const pair = /^([A-Za-z_]\w*)\s*=\s*"?([^"]*)"?$/.exec(part)
    if (!pair) return null
    found[pair[1] ?? ''] = (pair[2] ?? '').trim()
  }
  return found
}
export const writeLabels = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')

/** What the hub gets. An id is not sent: the address says it. */
export function body({ id: _id, ...rule }: Rule): Omit<Rule, 'id'> {
  return { ...rule, name: rule.name.trim(), selector: rule.selector.trim(), metric: rule.metric.trim() }
}
