// Taking an incident: one press for most, how long and why for the rest; giving it back, and ending it.
import { type ReactNode, useState } from 'react'
import { now } from '../live/clock'
import { post } from '../live/http'
import type { Incident } from '../types'
import { t } from '../words'
import { Confirm, Pick, Said, Text, useSend } from './form'
import { iso, moment, ownZone, wall } from './zones'

const HOUR = 3600
export const HOW = ['', '1', '4', '24', 'until', 'sticky'] as const

/** The body of an acknowledgement: until it gets worse, to the end, or until a time. */
export function asked(how: string, until: string, reason: string, at: number): Record<string, string | null> {
  const said: Record<string, string> = reason.trim() ? { reason: reason.trim() } : {}
  if (how === '' || how === 'sticky') return { how, ...said }
  const end = how === 'until' ? moment(until, ownZone()) : at + Number(how) * HOUR
  return { how: 'until', until: Number.isNaN(end) ? null : iso(end), ...said }
}
export function Take({ incident, onDone, sure }: { incident: Incident; onDone: () => void; sure: boolean }) {
  const { busy, failure, run } = useSend()
  const [how, setHow] = useState('')
  const [until, setUntil] = useState(() => wall(now() + HOUR, ownZone()))
  const [reason, setReason] = useState('')
  const path = `/api/v1/incidents/${incident.id}`
  const ask = async (verb: string, body: unknown = {}) => {
    if (await run(() => post(`${path}/${verb}`, body))) onDone()
  }
  const take = () => ask('acknowledge', asked(how, until, reason, now()))
  if (!sure || incident.state === 'resolved') return null
  const more = (title: string, inner: ReactNode) => (
    <details className="how">
      <summary>{title}</summary>
      <div className="fields-in">{inner}</div>
    </details>
  )
  const fields = (
    <>
      <Pick
        label={t('take.how')}
        value={how}
        options={HOW.map((one) => [one, t(`take.how.${one || 'worse'}` as 'take.how.worse')] as const)}
        onChange={setHow}
      />
      {how === 'until' && <Text label={t('take.until')} type="datetime-local" value={until} onChange={setUntil} />}
      <Text label={t('take.reason')} value={reason} onChange={setReason} />
    </>
  )
  return (
    <section className="card take" aria-label={t('take.title')}>
      {incident.state === 'open' ? (
        <>
          <button type="button" className="btn pri big" disabled={busy} onClick={() => void take()}>
            {t(busy ? 'form.sending' : 'take.acknowledge')}
          </button>
          {more(t('take.more'), fields)}
        </>
      ) : (
        <>
          <button type="button" className="btn" disabled={busy} onClick={() => void ask('unacknowledge')}>
            {t('take.back')}
          </button>
          {more(
            t('take.again'),
            <>
              {fields}
              <button type="button" className="btn" disabled={busy} onClick={() => void take()}>
                {t('take.change')}
              </button>
            </>,
          )}
        </>
      )}
      <Confirm
        label={t('take.resolve')}
        question={t('take.resolveSure')}
        yes={t('take.resolve')}
        busy={busy}
        onYes={() => void ask('resolve')}
      />
      <Said failure={failure} />
    </section>
  )
}
/** What somebody wants the others to know. */
export function Note({ incident, onDone }: { incident: Incident; onDone: () => void }) {
  const { busy, faults, failure, run, box } = useSend()
  const [text, setText] = useState('')
  return (
    <form
      className="note-form"
      ref={box}
      onSubmit={async (e) => {
        e.preventDefault()
        if (!text.trim()) return
        if (await run(() => post(`/api/v1/incidents/${incident.id}/note`, { text: text.trim() }))) {
          setText('')
          onDone()
        }
      }}
    >
      <Text
        hidden
        label={t('note.label')}
        placeholder={t('note.label')}
        value={text}
        fault={faults.text}
        onChange={setText}
      />
      <button type="submit" className="btn" disabled={busy || !text.trim()}>
        {t('note.add')}
      </button>
      <Said failure={faults.text ? '' : failure} />
    </form>
  )
}
