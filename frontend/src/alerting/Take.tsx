// Taking an incident: one press for most, how long and why for the rest; giving it back, and ending it.
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { on } from '../keys'
import { now } from '../live/clock'
import type { Incident } from '../types'
import { t } from '../words'
import { giveBack, HOURS, note, resolve, snooze, take, useDoing } from './doing'
import { Pick, Said, Text, useSend } from './form'
import { iso, moment, ownZone, wall } from './zones'

const HOUR = 3600
const HOW = ['', '1', '4', '24', 'until', 'sticky'] as const

/** The body of an acknowledgement: until it gets worse, to the end, or until a time. */
export function asked(how: string, until: string, reason: string, at: number): Record<string, string | null> {
  const said: Record<string, string> = reason.trim() ? { reason: reason.trim() } : {}
  if (how === '' || how === 'sticky') return { how, ...said }
  const end = how === 'until' ? moment(until, ownZone()) : at + Number(how) * HOUR
  return { how: 'until', until: Number.isNaN(end) ? null : iso(end), ...said }
}
export function Take({ incident, onDone, sure }: { incident: Incident; onDone: () => void; sure: boolean }) {
  const [how, setHow] = useState('')
  const [until, setUntil] = useState(() => wall(now() + HOUR, ownZone()))
  const [reason, setReason] = useState('')
  const [ending, setEnding] = useState(false)
  const doing = useDoing().get(incident.id)
  const busy = doing !== undefined
  const latest = useRef(incident)
  latest.current = incident
  const over = incident.state === 'resolved'
  const able = sure && !over
  const body = asked(how, until, reason, now())
  const sent = async (act: Promise<unknown>) => {
    await act
    onDone()
  }
  useEffect(() => {
    if (!able) return
    const offs = [
      on('a', () => latest.current.state === 'open' && void take([latest.current]).then(onDone), t('take.acknowledge')),
      on('s', () => void snooze([latest.current], 1).then(onDone), t('key.snooze')),
      on('r', () => setEnding(true), t('take.resolve')),
    ]
    return () => {
      for (const off of offs) off()
    }
  }, [able, onDone])
  if (!able) return null
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
          <button
            type="button"
            className="btn pri big"
            disabled={busy}
            onClick={() => void sent(take([incident], body))}
          >
            {t(doing === 'acknowledge' ? 'form.sending' : 'take.acknowledge')}
          </button>
          {more(t('take.more'), fields)}
        </>
      ) : (
        <>
          <button type="button" className="btn" disabled={busy} onClick={() => void sent(giveBack([incident]))}>
            {t('take.back')}
          </button>
          {more(
            t('take.again'),
            <>
              {fields}
              <button type="button" className="btn" disabled={busy} onClick={() => void sent(take([incident], body))}>
                {t('take.change')}
              </button>
            </>,
          )}
        </>
      )}
      <select
        className="inp short"
        aria-label={t('inbox.snooze')}
        value=""
        disabled={busy}
        onChange={(e) => void sent(snooze([incident], Number(e.target.value)))}
      >
        <option value="">{t('inbox.snooze')}</option>
        {HOURS.map((hours) => (
          <option key={hours} value={hours}>
            {t(`snooze.${hours}`)}
          </option>
        ))}
      </select>
      {ending ? (
        <End incident={incident} onClose={() => setEnding(false)} />
      ) : (
        <button type="button" className="btn" disabled={busy} onClick={() => setEnding(true)}>
          {t(doing === 'resolve' ? 'doing.resolve' : 'take.resolve')}
        </button>
      )}
    </section>
  )
}
/** What it was, if somebody wants to say so: the next one who meets it reads it. */
function End({ incident, onClose }: { incident: Incident; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const box = useRef<HTMLFormElement>(null)
  useEffect(() => box.current?.querySelector('input')?.focus(), [])
  return (
    <form
      className="note-form end"
      ref={box}
      onKeyDown={(e) => e.key === 'Escape' && onClose()}
      onSubmit={(e) => {
        e.preventDefault()
        resolve([incident], reason)
        onClose()
      }}
    >
      <Text hidden label={t('end.reason')} placeholder={t('end.reason')} value={reason} onChange={setReason} />
      <button type="submit" className="btn pri">
        {t('take.resolve')}
      </button>
      <button type="button" className="btn ghost" onClick={onClose}>
        {t('form.cancel')}
      </button>
    </form>
  )
}
/** What somebody wants the others to know. */
export function Note({ incident, onDone }: { incident: Incident; onDone: () => void }) {
  const { busy, faults, failure, run, box } = useSend()
  const [text, setText] = useState('')
  useEffect(() => on('n', () => box.current?.querySelector('input')?.focus(), t('note.label')), [box])
  return (
    <form
      className="note-form"
      ref={box}
      onSubmit={async (e) => {
        e.preventDefault()
        if (!text.trim()) return
        if (await run(() => note(incident, text.trim()))) {
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
