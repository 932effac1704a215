import { clockTime, duration } from '../../format'
import { Acknowledge } from '../../ui/Acknowledge'
import { Icon, Shape } from '../../ui/parts'
import { t, tn } from '../../words'
import { type Need, shown } from './model'
import type { Handled } from './useFleet'

/** The one thing to do about it. */
function Act({ need, acts }: { need: Need; acts: string[] }) {
  if (need.incident?.state === 'open' && acts.includes(need.incident.team ?? ''))
    return <Acknowledge incident={need.incident} />
  const word = t(need.tone === 'off' ? 'fleet.investigate' : 'fleet.open')
  return (
    <a className="btn sm" href={need.url} aria-label={`${word}: ${need.title}`}>
      {word}
    </a>
  )
}
function handledText(line: Handled): string {
  const { kind, title, n = 0, lasted = 0 } = line
  if (kind === 'ended') return t('handled.ended', { title, age: duration(lasted) })
  if (kind === 'endedMore') return tn('handled.endedMore', n)
  if (kind === 'silenced') return tn('handled.silenced', n)
  return tn(`handled.${kind}`, n, { title })
}
function HandledToday({ list }: { list: Handled[] }) {
  if (!list.length) return null
  return (
    <div className="handled">
      <h3>{t('fleet.handled')}</h3>
      <ul>
        {list.slice(0, 4).map((line) => (
          <li key={`${line.kind} ${line.url} ${line.at}`}>
            <span className="ok">
              <Icon n="check" s={15} />
            </span>
            <a href={line.url}>{handledText(line)}</a>
            <time className="num dim">{clockTime(line.at)}</time>
          </li>
        ))}
      </ul>
    </div>
  )
}
export function Attention({ list, acts, handled }: { list: Need[]; acts: string[]; handled: Handled[] }) {
  const view = shown(list)
  return (
    <section className="card att" aria-label={t('fleet.attention')}>
      <header>
        <h2>{t('fleet.attention')}</h2>
      </header>
      {view.length ? (
        <ul>
          {view.map((need) => (
            <li key={need.key}>
              <span className={`sign ${need.tone}`}>
                <Shape s={need.tone} size={12} />
              </span>
              <a className="t" href={need.url}>
                {need.title}
              </a>
              <span className="d">{need.detail}</span>
              <span className="a">
                <Act need={need} acts={acts} />
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <div className="calm">
          <span className="ok">
            <Icon n="check" s={22} />
          </span>
          <strong>{t('fleet.quiet')}</strong>
          <p>{t('fleet.quietLede')}</p>
        </div>
      )}
      <HandledToday list={handled} />
      <footer>
        <span>{list.length > view.length ? t('fleet.more', { n: list.length - view.length }) : ''}</span>
        <a className="more" href="/alerts/">
          {t('fleet.allAlerts')}
        </a>
      </footer>
    </section>
  )
}
