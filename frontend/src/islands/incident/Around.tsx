// What stands around an incident: its kin, what changed before it, who is on it, how it ended before, what to do.
import { dayTime, duration, lasted } from '../../format'
import type { Cause, IncidentProps, Kin, Past } from '../../types'
import { Shape } from '../../ui/parts'
import { t, tn } from '../../words'

const PLACE = /^https?:\/\/\S+$/

export function Family({ parent, kids }: { parent: Kin | null; kids: Kin[] }) {
  if (!parent && !kids.length) return null
  const kin = (one: Kin) => (
    <li key={one.url}>
      <span className={one.severity === 'critical' ? 'crit' : 'warn'}>
        <Shape s={one.severity === 'critical' ? 'crit' : 'warn'} size={11} />
      </span>
      <a href={one.url}>{one.title}</a>
    </li>
  )
  return (
    <section className="card" aria-label={t('family.title')}>
      <header>
        <h2>{t(parent ? 'family.parent' : 'family.children')}</h2>
      </header>
      <ul className="short">{parent ? kin(parent) : kids.map(kin)}</ul>
    </section>
  )
}
function said({ what, before, after, text }: Cause): string {
  if (text) return text
  if (before === null) return t('cause.new', { what, after: after ?? '' })
  if (after === null) return t('cause.gone', { what, before })
  return t('cause.changed', { what, before, after })
}
/** Not a verdict: what changed on these servers just before. The latest stands first, for it is the likeliest. */
export function Causes({ list, since }: { list: Cause[]; since: number }) {
  return (
    <section className="card" aria-label={t('cause.title')}>
      <header>
        <h2>{t('cause.title')}</h2>
      </header>
      {list.length ? (
        <ul className="facts-of">
          {list.map((one) => (
            <li key={`${one.at}${one.what}${one.server}${one.text}`}>
              <p>{said(one)}</p>
              <p className="d dim num">
                <a href={one.url}>{one.server}</a>
                {' · '}
                <time dateTime={new Date(one.at * 1000).toISOString()}>
                  {t('cause.before', { age: duration(since - one.at) })}
                </time>
              </p>
            </li>
          ))}
        </ul>
      ) : (
        <p className="mut pad">{t('cause.none')}</p>
      )}
    </section>
  )
}
function ended(one: Past): string {
  const parts = [t('similar.lasted', { age: lasted(one.until - one.since) })]
  if (one.owner) parts.push(t('similar.owner', { name: one.owner }))
  parts.push(one.closed ? t('similar.closed', { name: one.closed }) : t('similar.itself'))
  return parts.join(' · ')
}
export function Similar({ similar: { month, list } }: Pick<IncidentProps, 'similar'>) {
  return (
    <section className="card" aria-label={t('similar.title')}>
      <header>
        <h2>{t('similar.title')}</h2>
        <span className="sp" />
        {month > 0 && <span className="mut num">{tn('similar.month', month)}</span>}
      </header>
      {list.length ? (
        <ul className="facts-of">
          {list.map((one) => (
            <li key={one.id}>
              <a className="t" href={one.url}>
                {one.title}
              </a>
              <p className="d dim num">
                {dayTime(one.since)} · {ended(one)}
              </p>
              {one.note && (
                <p>
                  <q>{one.note}</q> <span className="dim">{one.note_by}</span>
                </p>
              )}
            </li>
          ))}
        </ul>
      ) : (
        <p className="mut pad">{t('similar.none')}</p>
      )}
    </section>
  )
}
/** What stands between backticks is a command or a name; the text stays text. */
export const coded = (text: string) =>
  text.split(/`([^`]+)`/).map((part, i) => (i % 2 ? <code key={`${i}${part}`}>{part}</code> : part))

/** The rule in words, and what its author wrote to do. An address is a link; everything else is text. */
export function ByRule({ rule }: { rule: IncidentProps['by_rule'] }) {
  if (!rule) return null
  return (
    <section className="card" aria-label={t('byRule.title')}>
      <header>
        <h2>{t('byRule.title')}</h2>
        <span className="sp" />
        <a className="more" href={rule.url}>
          {t('byRule.open')}
        </a>
      </header>
      <div className="pad-in">
        <p>{rule.sentence}.</p>
        {rule.runbook ? (
          <p className="runbook">
            <b>{t('byRule.runbook')}</b>{' '}
            {PLACE.test(rule.runbook.trim()) ? (
              <a className="more" href={rule.runbook.trim()} rel="noreferrer">
                {rule.runbook.trim()}
              </a>
            ) : (
              coded(rule.runbook)
            )}
          </p>
        ) : (
          <p className="dim">{t('byRule.noRunbook')}</p>
        )}
      </div>
    </section>
  )
}
export function People({ people }: Pick<IncidentProps, 'people'>) {
  if (!people.length) return <>{t('people.none')}</>
  return (
    <ul className="people">
      {people.map((one) => (
        <li key={one.name}>
          {one.name} <span className="dim">{t(`people.${one.part}`)}</span>
        </li>
      ))}
    </ul>
  )
}
