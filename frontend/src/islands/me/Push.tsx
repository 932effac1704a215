// Messages to this browser, even while no page is open.
import { useEffect, useState } from 'react'
import { Said, useSend } from '../../alerting/form'
import { w } from '../../alerting/words'
import { state, subscribe, unsubscribe } from '../../push'

type State = Awaited<ReturnType<typeof state>>

export function Push({ onChange }: { onChange: () => void }) {
  const { busy, failure, run } = useSend()
  const [now, setNow] = useState<State | null>(null)
  const look = async () => setNow(await state())
  useEffect(() => void state().then(setNow), [])
  const flip = async () => {
    await run(() => (now === 'on' ? unsubscribe() : subscribe()))
    await look()
    onChange()
  }
  if (now === null) return null
  return (
    <div className="card thing">
      <div className="what">
        <strong className="t">{w('push.title')}</strong>
        <p className="d mut">{w(`push.${now}`)}</p>
        <Said failure={failure} />
      </div>
      {(now === 'on' || now === 'off') && (
        <div className="a">
          <button type="button" className="btn sm" disabled={busy} onClick={() => void flip()}>
            {w(now === 'on' ? 'push.stop' : 'push.start')}
          </button>
        </div>
      )}
    </div>
  )
}
