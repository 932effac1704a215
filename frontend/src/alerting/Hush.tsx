// A quick silence for what was picked in the inbox: for how long, and why.
import { useState } from 'react'
import { now } from '../live/clock'
import { post } from '../live/http'
import type { Incident } from '../types'
import { t, tn } from '../words'
import { Pick, Said, Text, useSend } from './form'
import { iso, ownZone } from './zones'

const HOUR = 3600
const quoted = (name: string) => (/^[\w.-]+$/.test(name) ? name : `"${name.replace(/(["\\])/g, '\\$1')}"`)

/** The selector that names exactly these servers. */
export const serversOf = (incidents: Incident[]): string =>
  [...new Set(incidents.flatMap((one) => (one.server ? [one.server.name] : [])))]
    .map((name) => `name:${quoted(name)}`)
    .join(' or ')

export function Hush({ incidents, onDone }: { incidents: Incident[]; onDone: () => void }) {
  const { busy, faults, failure, run, box } = useSend()
  const [hours, setHours] = useState('1')
  const [reason, setReason] = useState('')
  const chosen = serversOf(incidents)
  const teams = [...new Set(incidents.map((one) => one.team ?? ''))]
  const silence = async () => {
    const start = now()
    const asked = teams.map((team) => ({
      ...(team ? { team } : {}),
      selector: serversOf(incidents.filter((one) => (one.team ?? '') === team)),
      starts_at: iso(start),
      ends_at: iso(start + Number(hours) * HOUR),
      zone: ownZone(),
      reason: reason.trim(),
    }))
    const ok = await run(async () => {
      for (const one of asked) await post('/api/v1/silences', one)
    })
    if (ok) onDone()
  }
  return (
    <form
      className="hush"
      ref={box}
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        void silence()
      }}
    >
      <p className="mut">
        {tn('hush.what', new Set(incidents.map((one) => one.server?.name)).size)} <code>{chosen}</code>
      </p>
      <Pick
        label={t('hush.long')}
        value={hours}
        options={['1', '4', '24', '168'].map((one) => [one, t(`hush.${one}` as 'hush.1')] as const)}
        onChange={setHours}
      />
      <Text
        label={t('silence.reason')}
        value={reason}
        fault={faults.reason ?? faults.selector}
        required
        onChange={setReason}
      />
      <button type="submit" className="btn pri" disabled={busy || !chosen}>
        {t('hush.do')}
      </button>
      <Said failure={Object.keys(faults).length ? '' : failure} />
    </form>
  )
}
