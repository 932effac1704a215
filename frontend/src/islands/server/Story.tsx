// What is wrong with this server or held back about it, in plain words, with the evidence and what to do.
import { useState } from 'react'
import { ago, clockTime, dayHour, duration } from '../../format'
import { post } from '../../live/http'
import type { Server } from '../../types'
import { Icon, useNow } from '../../ui/parts'
import { toast } from '../../ui/toast'
import { type Key, t } from '../../words'
import type { Board } from './board'
import type { Hush, Trouble } from './types'

const SOON = 86400
const SILENT: Record<string, [Key, Key]> = {
  down: ['server.silent', 'server.silentLede'],
  late: ['server.late', 'server.lateLede'],
  new: ['server.new', 'server.newLede'],
  paused: ['server.paused', 'server.pausedLede'],
}
export const said = ({ what, value, limit, side, since, kind, title }: Trouble, at: number): string => {
  const age = duration(at - since)
  if (kind === 'anomaly') return t('story.unusual', { title, age })
  if (kind !== 'threshold') return t('story.other', { title, age })
  return t(side === 'below' ? 'story.below' : 'story.above', { what, value, limit, age })
}
/** What the rule says to do; what stands between backticks is to be typed. */
const Advice = ({ text }: { text: string }) => (
  <p className="pre">
    {t('story.todo', { what: text })
      .split('`')
      .map((part, i) => (i % 2 ? <code key={part}>{part}</code> : part))}
  </p>
)
function TroubleCard({ trouble, at, board }: { trouble: Trouble; at: number; board: Board }) {
  const begin = trouble.since - (at - trouble.since) * 0.5 - 300
  return (
    <section className={`card banner sev-${trouble.severity}`} aria-label={trouble.rule}>
      <span className="ic">
        <Icon n="wave" s={19} />
      </span>
      <div>
        <strong className="num">{said(trouble, at)}</strong>
        {trouble.todo && <Advice text={trouble.todo} />}
      </div>
      <div className="ctl">
        <button type="button" className="btn" onClick={() => board.fix([begin, at])}>
          {t('story.evidence')}
        </button>
        {trouble.incident && (
          <a className="btn pri" href={`/incidents/${trouble.incident}/`}>
            {t('story.incident')}
          </a>
        )}
      </div>
    </section>
  )
}
function Quiet({ hush, at, mayAct }: { hush: Hush; at: number; mayAct: boolean }) {
  const [state, setState] = useState<'on' | 'ending' | 'over'>('on')
  const end = async () => {
    setState('ending')
    try {
      await post(`/api/v1/silences/${hush.id}/end`)
      setState('over')
      toast(t('story.ended'))
    } catch (error) {
      setState('on')
      toast(t('story.notEnded', { why: error instanceof Error ? error.message : '' }))
    }
  }
  if (state === 'over') return null
  const until = hush.until - at < SOON ? clockTime(hush.until) : dayHour(hush.until)
  return (
    <section className="card banner still" aria-label={t('story.silenced')}>
      <span className="ic">
        <Icon n="mute" s={19} />
      </span>
      <div>
        <strong className="num">
          {t('story.silencedUntil', { time: until, what: hush.rule || t('story.everything') })}
        </strong>
        <p>{hush.owner ? t('story.silencedBy', { reason: hush.reason, owner: hush.owner }) : hush.reason}</p>
      </div>
      <div className="ctl">
        {mayAct && (
          <button type="button" className="btn" disabled={state === 'ending'} onClick={() => void end()}>
            {t('story.end')}
          </button>
        )}
        <a className="btn" href="/silences/">
          {t('story.silences')}
        </a>
      </div>
    </section>
  )
}
export function Story({
  server,
  troubles,
  silences,
  board,
  mayAct,
}: {
  mayAct: boolean
  server: Server
  troubles: Trouble[]
  silences: Hush[]
  board: Board
}) {
  const at = useNow(5000)
  const { name, reach, interval, seen } = server
  const words = SILENT[reach]
  // its silence is told once, with what the rule about it says
  const silent = words && reach !== 'new' ? troubles.find(({ kind }) => kind === 'no_data') : undefined
  const age = seen === null ? '' : duration(at - seen)
  return (
    <>
      {words && (
        <section className={`card banner ${reach === 'late' ? '' : 'still'}`} aria-label={t(`state.${reach}` as Key)}>
          <span className="ic">
            <Icon n="wave" s={19} />
          </span>
          <div>
            <strong className="num">{t(words[0], { name, age })}</strong>
            <p>{t(words[1], { n: interval })}</p>
            {silent?.todo && <Advice text={silent.todo} />}
          </div>
          {silent?.incident && (
            <a className="btn pri" href={`/incidents/${silent.incident}/`}>
              {t('story.incident')}
            </a>
          )}
        </section>
      )}
      {troubles
        .filter((one) => one !== silent)
        .map((one) => (
          <TroubleCard key={`${one.rule}${one.what}${one.since}`} trouble={one} at={at} board={board} />
        ))}
      {silences.map((one) => (
        <Quiet key={one.id} hush={one} at={at} mayAct={mayAct} />
      ))}
    </>
  )
}
/** When it was heard last: told anew each second without drawing the page anew. */
export function Seen({ server }: { server: Server }) {
  const at = useNow()
  return <span>{server.seen === null ? t('state.new') : t('server.seen', { age: ago(at - server.seen) })}</span>
}
