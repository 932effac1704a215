// Messages that were given up: who they were for, why, and one more try.
import { useCallback, useEffect, useState } from 'react'
import { dayTime } from '../format'
import { getJson, post } from '../live/http'
import { t, tn } from '../words'
import { Said, useSend } from './form'

interface Dead {
  id: string
  incident: string
  text: string
  channel: string
  channel_name: string
  recipient: string
  attempts: number
  tried_at: string | null
  due_at: string
  error: string
}
function Row({ one, may, onDone }: { one: Dead; may: boolean; onDone: () => void }) {
  const { busy, failure, run } = useSend()
  const [again, setAgain] = useState(false)
  const retry = async () => {
    if (await run(() => post(`/api/v1/deliveries/${one.id}/retry`))) {
      setAgain(true)
      onDone()
    }
  }
  return (
    <li className="thing">
      <div className="what">
        <a className="t" href={`/incidents/${one.incident}/`}>
          {one.text}
        </a>
        <p className="d mut num">
          {dayTime(Date.parse(one.tried_at ?? one.due_at) / 1000)} · {one.channel_name}
          {one.recipient && ` → ${one.recipient}`} · {tn('told.tries', one.attempts)}
        </p>
        {one.error && <q className="mono crit">{one.error}</q>}
        <Said failure={failure} done={again ? t('lost.again') : ''} />
      </div>
      {may && !again && (
        <div className="a">
          <button
            type="button"
            className="btn sm"
            disabled={busy}
            aria-label={t('lost.retryOf', { text: one.text })}
            onClick={() => void retry()}
          >
            {t(busy ? 'form.sending' : 'lost.retry')}
          </button>
        </div>
      )}
    </li>
  )
}
/** The newest of them over these channels; nothing while there are none. */
export function Lost({ channels, may, onDone }: { channels: string[]; may: boolean; onDone: () => void }) {
  const [list, setList] = useState<Dead[]>([])
  const [failure, setFailure] = useState('')
  // those at first: what is sent again stays in sight, with what became of it
  const [known] = useState(() => channels.join())
  const load = useCallback(async () => {
    try {
      const found = await Promise.all(
        known
          .split(',')
          .filter(Boolean)
          .map((id) => getJson<{ results: Dead[] }>(`/api/v1/deliveries?state=dead&channel=${id}`)),
      )
      setList(found.flatMap((one) => one.results))
      setFailure('')
    } catch (error) {
      setFailure(error instanceof Error ? error.message : '')
    }
  }, [known])
  useEffect(() => void load(), [load])
  if (!list.length && !failure) return null
  return (
    <section className="stack" aria-labelledby="lost">
      <div>
        <h2 className="part" id="lost">
          {t('lost.title')}
        </h2>
        <p className="mut">{t('lost.lede')}</p>
      </div>
      <Said failure={failure} />
      <ul className="card things">
        {list.map((one) => (
          <Row key={one.id} one={one} may={may} onDone={onDone} />
        ))}
      </ul>
    </section>
  )
}
