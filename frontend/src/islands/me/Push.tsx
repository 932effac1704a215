// Messages to this browser, even while no page is open.
import { useEffect, useState } from 'react'
import { Said, useSend } from '../../alerting/form'
import type { Way } from '../../alerting/types'
import { getJson, post } from '../../live/http'
import { NoAddress, state, subscribe, unsubscribe } from '../../push'
import { t } from '../../words'

type State = Awaited<ReturnType<typeof state>>

const PATH = '/api/v1/ways'

/** A browser that takes messages gets some: without a way over it nothing would ever be sent. */
async function subscribed(): Promise<void> {
  const channel = await subscribe()
  if (!channel) return
  const answer = await getJson<Way[] | { results: Way[] }>(PATH)
  const ways = Array.isArray(answer) ? answer : answer.results
  if (!ways.some((way) => way.channel === channel))
    await post(PATH, { channel, severity: 'warn', after: 0, place: ways.length })
}
export function Push({ onChange }: { onChange: () => void }) {
  const { busy, failure, run } = useSend()
  const [now, setNow] = useState<State | null>(null)
  const look = async () => setNow(await state())
  useEffect(() => void state().then(setNow), [])
  const flip = async () => {
    await run(() =>
      (now === 'on' ? unsubscribe() : subscribed()).catch((error: unknown) => {
        if (!(error instanceof NoAddress)) throw error
        throw new Error(t('push.refused', { why: error.message.replace(/\.$/, '') }))
      }),
    )
    await look()
    onChange()
  }
  if (now === null) return null
  return (
    <div className="card thing">
      <div className="what">
        <strong className="t">{t('push.title')}</strong>
        <p className="d mut">{t(`push.${now}`)}</p>
        <Said failure={failure} />
      </div>
      {(now === 'on' || now === 'off') && (
        <div className="a">
          <button type="button" className="btn sm" disabled={busy} onClick={() => void flip()}>
            {t(now === 'on' ? 'push.stop' : 'push.start')}
          </button>
        </div>
      )}
    </div>
  )
}
