// What is known of the chosen incident, beside the list: the evidence, what comes next, what may be behind it.
import { useEffect, useState } from 'react'
import { resolve, snooze, take, useDoing } from '../../alerting/doing'
import { whileSeen } from '../../awake'
import { beganAt } from '../../incidents'
import { getJson } from '../../live/http'
import type { Incident, IncidentProps } from '../../types'
import { incidentTone, Skeleton, Status } from '../../ui/parts'
import { t } from '../../words'
import { ByRule, Causes, Family, Similar } from '../incident/Around'
import { Evidence } from '../incident/Evidence'
import { impact, sentence } from '../incident/saying'
import { Coming, Hushed, Timeline } from '../incident/Timeline'
import '../../charts/chart.css'

const SETTLE_MS = 120
const RENEW_MS = 10_000
const ENTRIES = 8

export interface PaneProps {
  incident: Incident
  may: boolean
  at: number
}
/** Asked a moment after the choice, so that whoever runs down the list asks for nothing on the way. */
function useStory(incident: Incident): { page: IncidentProps | null; failed: string } {
  const [found, setFound] = useState<{ page: IncidentProps | null; failed: string }>({ page: null, failed: '' })
  const { url, state, severity, until, members } = incident
  // whatever moved it has written a new line into its story
  useEffect(() => {
    const stop = new AbortController()
    const load = () =>
      getJson<IncidentProps>(url, stop.signal)
        .then((page) => setFound({ page, failed: '' }))
        .catch((error: Error) => {
          if (!stop.signal.aborted) setFound((before) => ({ ...before, failed: error.message }))
        })
    const first = setTimeout(load, SETTLE_MS)
    const rest = until === null ? whileSeen(load, RENEW_MS) : undefined
    return () => {
      stop.abort()
      clearTimeout(first)
      rest?.()
    }
  }, [url, state, severity, until, members])
  return found
}
export default function Pane({ incident, may, at }: PaneProps) {
  const { page, failed } = useStory(incident)
  const doing = useDoing().get(incident.id)
  const over = incident.state === 'resolved'
  return (
    <section className="pane stack" aria-label={t('pane.title')}>
      <section className="card pane-head">
        <div className="titled">
          <h2>{incident.title}</h2>
          <Status s={incidentTone(incident)}>
            {over ? t('incident.resolved') : t(`severity.${incident.severity}`)}
          </Status>
        </div>
        <p className="mut num">{sentence(incident, at)}</p>
        {page && <p className="mut">{impact(page.reach, over)}</p>}
        {page && <Coming incident={incident} coming={page.coming} at={at} />}
        <Hushed incident={incident} />
        <div className="ctl">
          {may && incident.state === 'open' && (
            <button type="button" className="btn pri" disabled={Boolean(doing)} onClick={() => void take([incident])}>
              {t('take.acknowledge')} <kbd>a</kbd>
            </button>
          )}
          {may && !over && (
            <>
              <button
                type="button"
                className="btn"
                disabled={Boolean(doing)}
                onClick={() => void snooze([incident], 1)}
              >
                {t('pane.snooze')} <kbd>s</kbd>
              </button>
              <button type="button" className="btn" disabled={Boolean(doing)} onClick={() => resolve([incident])}>
                {t('take.resolve')} <kbd>r</kbd>
              </button>
            </>
          )}
          <a className="btn" href={incident.url}>
            {t('pane.open')}
          </a>
        </div>
        {failed && (
          <p className="crit" role="status">
            {t('pane.failed', { why: failed })}
          </p>
        )}
      </section>
      {page ? (
        <>
          <Evidence incident={incident} members={page.members.slice(0, 2)} />
          <Family parent={page.parent} kids={page.children} />
          {(page.causes.length > 0 || !over) && <Causes list={page.causes} since={beganAt(incident)} />}
          <Similar similar={page.similar} />
          <ByRule rule={page.by_rule} />
          <section className="card" aria-label={t('incident.timeline')}>
            <header>
              <h2>{t('incident.timeline')}</h2>
            </header>
            <Timeline entries={page.timeline.slice(-ENTRIES)} incident={incident} at={at} />
          </section>
        </>
      ) : (
        !failed && <Skeleton height={420} />
      )}
    </section>
  )
}
