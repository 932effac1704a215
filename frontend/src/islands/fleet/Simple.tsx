// The page for people who run a business, not computers: is it up, is it safe, what next.
import { useEffect, useState } from 'react'
import { whileSeen } from '../../awake'
import { ago } from '../../format'
import { roots } from '../../incidents'
import { getJson } from '../../live/http'
import { Acknowledge } from '../../ui/Acknowledge'
import { isFresh, Status, type Tone } from '../../ui/parts'
import { count, t, tn } from '../../words'
import { type Need, toneOf, waiting } from './model'
import type { Fleet } from './store'

interface Said {
  tone: Tone
  word: string
  text: string
}
export function up({ servers }: Pick<Fleet, 'servers'>, at: number): Said {
  const watched = servers.filter((server) => server.reach !== 'paused')
  const on = watched.filter((server) => isFresh(server, at)).length
  const quiet = watched.filter((server) => server.reach === 'down')
  const said = tn('simple.reporting', watched.length, { on: count(on), n: count(watched.length) })
  const first = quiet[0]
  if (!first) return { tone: 'ok', word: t('simple.up'), text: said }
  const age = first.seen === null ? t('age.never') : ago(at - first.seen)
  return { tone: 'crit', word: t('simple.notAll'), text: `${said} ${t('simple.silent', { name: first.name, age })}` }
}
/** How many are watched, how many of them tell of their updates, and how many lack security updates. */
export interface Updates {
  all: number
  known: number
  behind: number
}
export function safe({ servers, incidents }: Pick<Fleet, 'servers' | 'incidents'>, updates: Updates | null): Said {
  const critical = roots(incidents).filter((one) => one.severity === 'critical' && one.state === 'open').length
  const full = servers.reduce<{ name: string; disk: number } | null>(
    (most, one) => ((one.disk ?? 0) > (most?.disk ?? 0) ? { name: one.name, disk: one.disk ?? 0 } : most),
    null,
  )
  const disk = full ? t('simple.fullest', { name: full.name, percent: full.disk.toFixed(0) }) : ''
  if (critical) return { tone: 'crit', word: t('simple.danger'), text: `${tn('simple.critical', critical)} ${disk}` }
  const bad = servers.filter((one) => toneOf(one) === 'warn').length
  if (bad) return { tone: 'warn', word: t('simple.watch'), text: `${tn('simple.slow', bad)} ${disk}` }
  const behind = updates?.behind ?? 0
  if (behind) return { tone: 'warn', word: t('simple.watch'), text: `${tn('simple.behind', behind)} ${disk}` }
  const untold = updates ? updates.all - updates.known : 0
  const text = `${t('simple.noDanger')} ${untold ? tn('simple.untold', untold) : ''} ${disk}`
  return updates?.known
    ? { tone: 'ok', word: t('simple.safe'), text }
    : { tone: 'off', word: t('simple.safeUnknown'), text }
}
const METRIC = 'updates_security'
const AGAIN_MS = 300_000

function useUpdates(): Updates | null {
  const [found, set] = useState<Updates | null>(null)
  useEffect(() => {
    const load = () =>
      getJson<{ columns: Record<string, Array<number | null>> }>(`/api/v1/fleet/latest?metrics=${METRIC}`).then(
        ({ columns }) => {
          const told = (columns[METRIC] ?? []).filter((one) => one !== null)
          set({ all: columns[METRIC]?.length ?? 0, known: told.length, behind: told.filter((one) => one > 0).length })
        },
        () => undefined, // what is not known is said to be so
      )
    void load()
    return whileSeen(load, AGAIN_MS)
  }, [])
  return found
}
export default function Simple({ fleet, list, at }: { fleet: Fleet; list: Need[]; at: number }) {
  const next = list.find((need) => need.incident?.state !== 'acknowledged')
  const more = waiting(list) - 1
  const updates = useUpdates()
  const cards: Array<[string, Said]> = [
    [t('simple.cardUp'), up(fleet, at)],
    [t('simple.cardSafe'), safe(fleet, updates)],
  ]
  const mayAct = next?.incident && fleet.acts.includes(next.incident.team ?? '')
  return (
    <div className="simple">
      {cards.map(([title, said]) => (
        <section className="card" key={title} aria-label={title}>
          <h2>{title}</h2>
          <Status s={said.tone}>{said.word}</Status>
          <p>{said.text}</p>
        </section>
      ))}
      <section className="card" aria-label={t('simple.cardNext')}>
        <h2>{t('simple.cardNext')}</h2>
        {next ? (
          <>
            <Status s={next.tone}>{t('simple.someone')}</Status>
            <p>
              <strong>{next.title}</strong>
              <br />
              {next.detail}
            </p>
            <div className="acts">
              {mayAct && next.incident && <Acknowledge incident={next.incident} primary />}
              <a className="btn" href={next.url}>
                {t('simple.look')}
              </a>
            </div>
            {more > 0 && (
              <a className="more" href="/alerts/">
                {tn('simple.more', more)}
              </a>
            )}
          </>
        ) : fleet.ahead ? (
          <>
            <Status s={fleet.ahead.tone}>{t('simple.aheadWord')}</Status>
            <p>
              <strong>{fleet.ahead.text}</strong>
              <br />
              {t('simple.aheadDo')}
            </p>
            <div className="acts">
              <a className="btn pri" href={fleet.ahead.url}>
                {t('simple.look')}
              </a>
            </div>
          </>
        ) : (
          <>
            <Status s="ok">{t('simple.nothing')}</Status>
            <p>{t('simple.nothingLede')}</p>
          </>
        )}
      </section>
    </div>
  )
}
