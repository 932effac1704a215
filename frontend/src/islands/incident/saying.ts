// The sentences of an incident: how it stands, and how far it reaches.
import { dayTime, duration, lasted } from '../../format'
import { beganAt } from '../../incidents'
import type { Incident, IncidentProps } from '../../types'
import { t, tn } from '../../words'

export function sentence(incident: Incident, at: number): string {
  if (incident.until !== null) {
    const age = lasted(incident.until - beganAt(incident))
    return t('incident.sentenceResolved', { time: dayTime(incident.until), age })
  }
  const age = duration(at - beganAt(incident))
  // One alert counts from its first bad sample, many from when they were told together: each says which.
  const bad = incident.members === 1
  if (incident.state === 'acknowledged') {
    const said = bad ? 'incident.sentenceBadAcknowledged' : 'incident.sentenceAcknowledged'
    return t(said, { age, name: incident.owner ?? t('incident.nobody') })
  }
  return t(bad ? 'incident.sentenceBad' : 'incident.sentenceOpen', { age })
}
/** "3 servers are affected: a, b and c." */
export function impact({ servers, names, more, checks }: IncidentProps['reach'], over: boolean): string {
  if (!servers) return ''
  const listed = [...names, ...(more ? [t('reach.more', { n: more })] : [])].join(', ')
  if (checks) return tn(over ? 'reach.wasCheck' : 'reach.isCheck', servers, { names: listed })
  return tn(over ? 'reach.was' : 'reach.is', servers, { names: listed })
}
