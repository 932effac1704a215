// One line of the inbox: how bad, what, where, since when, who has it, what comes next, and the last hour of it.
import { lazy, Suspense, useState } from 'react'
import { useDoing } from '../../alerting/doing'
import { countdown, duration, lasted, unitOf } from '../../format'
import { beganAt } from '../../incidents'
import type { Incident } from '../../types'
import { incidentTone, Shape, Status } from '../../ui/parts'
import { t, tn } from '../../words'
import type { Cause } from './model'

const Spark = lazy(() => import('../../charts/Spark').then(({ Spark }) => ({ default: Spark })))

export interface Doing {
  take: (incident: Incident) => void
  pick: (id: string) => void
  show: (id: string) => void
}
/** "On call is told in 3:20": what its chain does next, if nobody answers. */
function nextText(incident: Incident, at: number): string {
  const { next } = incident
  if (!next || incident.state !== 'open') return ''
  const what = t(`step.${next.kind}` as 'step.team')
  return next.at - at < 1 ? t('inbox.nextNow', { what }) : t('inbox.next', { what, time: countdown(next.at - at) })
}

function Age({ incident, at }: { incident: Incident; at: number }) {
  if (incident.until === null) return <span>{t('incident.since', { age: duration(at - beganAt(incident)) })}</span>
  return (
    <span>
      {t('incident.ended', { age: duration(at - incident.until) })},{' '}
      {t('incident.lasted', { age: lasted(incident.until - beganAt(incident)) })}
    </span>
  )
}
function quiet(incident: Incident): string {
  if (incident.state === 'resolved') return ''
  return incident.held ? t('inbox.explained', { why: incident.held }) : (incident.hushed?.why ?? '')
}
/** Who has it, as small as it can be said. */
function Owner({ incident, at }: { incident: Incident; at: number }) {
  const doing = useDoing().get(incident.id)
  if (doing) return <Status s="info">{t(`doing.${doing}` as 'doing.acknowledge')}</Status>
  if (incident.state === 'resolved') return <Status s="ok">{t('incident.resolved')}</Status>
  if (incident.state !== 'acknowledged') return <span className="dim free">{t('inbox.unowned')}</span>
  const until = incident.taken?.until
  return (
    <span className="owned info">
      {incident.owner ?? t('incident.nobody')}
      {until ? <small className="num"> {t('inbox.for', { age: duration(until - at) })}</small> : null}
    </span>
  )
}
function Under({ list, at }: { list: Incident[]; at: number }) {
  const [chosen, setOpen] = useState<boolean | null>(null)
  if (!list.length) return null
  // what called somebody before its cause was known stays in sight
  const open = chosen ?? list.some((one) => one.severity === 'critical' && !one.hushed)
  return (
    <div className="under">
      <button type="button" className="btn ghost sm" aria-expanded={open} onClick={() => setOpen(!open)}>
        {tn('inbox.under', list.length)}
      </button>
      {open && (
        <ul>
          {list.map((one) => (
            <li key={one.id}>
              <span className={incidentTone(one)}>
                <Shape s={incidentTone(one)} />
                <span className="sr">{t(`severity.${one.severity}`)}</span>
              </span>
              <a href={one.url}>{one.title}</a>
              <span className="dim num">{duration(at - one.since)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
export function Row({
  cause: { incident, under },
  at,
  here,
  picked,
  may,
  line,
  newest = incident.newest ?? null,
  doing,
}: {
  cause: Cause
  at: number
  here: boolean
  picked: boolean
  may: boolean
  line?: Float64Array
  newest?: number | null // as asked for since the incident itself came
  doing: Doing
}) {
  const tone = incidentTone(incident)
  const over = incident.state === 'resolved'
  const next = nextText(incident, at)
  const why = quiet(incident)
  const busy = useDoing().has(incident.id)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: j, k and Enter do the same; the title is a link
    <li
      className={`alert row-of${here ? ' here' : ''}`}
      data-incident={incident.id}
      aria-current={here || undefined}
      onClick={(e) => (e.target as Element).closest('a, button, input') || doing.show(incident.id)}
    >
      {may && !over ? (
        <input
          type="checkbox"
          className="pick"
          aria-label={t('inbox.pick', { title: incident.title })}
          checked={picked}
          onChange={() => doing.pick(incident.id)}
        />
      ) : (
        <span />
      )}
      <span className={`sign ${tone}`}>
        <Shape s={tone} size={12} />
        <span className="sr">{over ? t('incident.resolved') : t(`severity.${incident.severity}`)}</span>
      </span>
      <div className="what">
        <a className="t" href={incident.url}>
          {incident.title}
        </a>
        <p className="d num">
          {incident.server && <a href={incident.server.url}>{incident.server.name}</a>}
          {incident.rule && <span className="by-rule">{incident.rule}</span>}
          <Age incident={incident} at={at} />
          {(incident.members ?? 0) > 1 && <span className="tag">{tn('inbox.members', incident.members ?? 0)}</span>}
          <Owner incident={incident} at={at} />
          {next && <span className="warn next">{next}</span>}
          {why && <span className="info">{why}</span>}
        </p>
        <Under list={under} at={at} />
      </div>
      <div className="mini">
        {newest !== null && !over && (incident.members ?? 1) === 1 && (
          <strong className={`num ${tone}`} title={incident.what}>
            {unitOf(incident.metric)(newest)}
          </strong>
        )}
        {line && (
          <Suspense>
            <Spark v={line} c={tone === 'crit' ? '--map-crit' : '--map-warn'} />
          </Suspense>
        )}
      </div>
      <div className="a">
        {incident.state === 'open' && may && !busy && (
          <button
            type="button"
            className="btn sm"
            aria-label={t('incident.acknowledgeOf', { title: incident.title })}
            onClick={() => doing.take(incident)}
          >
            {t('incident.acknowledge')}
          </button>
        )}
      </div>
    </li>
  )
}
