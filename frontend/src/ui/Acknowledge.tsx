import { useState } from 'react'
import { post } from '../live/http'
import type { Incident } from '../types'
import { t } from '../words'

export const acknowledge = (incident: Incident): Promise<unknown> =>
  post(`/api/v1/incidents/${incident.id}/acknowledge`)

/** Takes an open incident in one press; a failure says why and leaves the button. */
export function Acknowledge({
  incident,
  primary,
  onDone,
}: {
  incident: Incident
  primary?: boolean
  onDone?: () => void
}) {
  const [state, setState] = useState<'idle' | 'sending' | { failed: string }>('idle')
  if (incident.state !== 'open') return null
  const send = async () => {
    setState('sending')
    try {
      await acknowledge(incident)
      onDone?.()
      setState('idle')
    } catch (error) {
      setState({ failed: error instanceof Error ? error.message : '' })
    }
  }
  return (
    <span className="ack">
      <button
        type="button"
        className={`btn ${primary ? 'pri' : 'sm'}`}
        aria-label={t('incident.acknowledgeOf', { title: incident.title })}
        disabled={state === 'sending'}
        onClick={send}
      >
        {t(state === 'sending' ? 'incident.sending' : 'incident.acknowledge')}
      </button>
      {typeof state === 'object' && (
        <span className="crit" role="alert">
          {t('incident.failed', { why: state.failed })}
        </span>
      )}
    </span>
  )
}
