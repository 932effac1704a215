// What is done to many servers at once: tried first, said how many it hits, done, and taken back in one press.
import { useEffect, useRef, useState } from 'react'
import { post } from '../../live/http'
import type { Server } from '../../types'
import { toast } from '../../ui/toast'
import { t, tn } from '../../words'
import type { Fleet } from './store'

type Kind = 'silence' | 'tag' | 'untag' | 'role' | 'site'
interface Answer {
  matched: number
  changed: number
}
interface Wish {
  body: Record<string, unknown>
  /** What puts things back, worked out before anything is done. */
  back: Array<{ ids: string[]; body: Record<string, unknown> }>
}
const AT_ONCE = 40 // ids that fit in one selector
const bulk = (ids: string[], body: Record<string, unknown>, dry = false) =>
  post<Answer>('/api/v1/servers/bulk', { ids, dry_run: dry, ...body })
const why = (error: unknown): string => (error instanceof Error ? error.message : '')

/** What is asked for, and its opposite for those that it really changes. */
export function wishOf(kind: Kind | 'pause' | 'resume', text: string, servers: Server[]): Wish {
  const ids = (list: Server[]) => list.map((one) => one.id)
  if (kind === 'tag' || kind === 'untag') {
    const [word, opposite] = kind === 'tag' ? ['add_tags', 'remove_tags'] : ['remove_tags', 'add_tags']
    const hit = servers.filter((one) => one.tags.includes(text) !== (kind === 'tag'))
    return { body: { [word]: [text] }, back: [{ ids: ids(hit), body: { [opposite]: [text] } }] }
  }
  if (kind === 'pause' || kind === 'resume') {
    const paused = kind === 'pause'
    const hit = servers.filter((one) => (one.reach === 'paused') !== paused)
    return { body: { paused }, back: [{ ids: ids(hit), body: { paused: !paused } }] }
  }
  const field = kind as 'role' | 'site'
  const before = new Map<string, Server[]>()
  for (const one of servers) {
    const was = one[field] ?? ''
    if (was !== text) before.set(was, [...(before.get(was) ?? []), one])
  }
  return {
    body: { [field]: text },
    back: [...before].map(([was, list]) => ({ ids: ids(list), body: { [field]: was } })),
  }
}
/** Silences name servers by id, so many in each, a team at a time. */
export function silencesOf(servers: Server[], minutes: number, reason: string, at: number) {
  const teams = new Map<string, Server[]>()
  for (const one of servers) teams.set(one.team, [...(teams.get(one.team) ?? []), one])
  return [...teams].flatMap(([team, list]) =>
    Array.from({ length: Math.ceil(list.length / AT_ONCE) }, (_, i) => ({
      team,
      selector: `(${list
        .slice(i * AT_ONCE, (i + 1) * AT_ONCE)
        .map((one) => `id:${one.id}`)
        .join(' or ')}) and env:*`,
      ends_at: new Date(at + minutes * 60_000).toISOString(),
      reason,
    })),
  )
}
async function done(text: string, back: Wish['back']): Promise<void> {
  const undo = async () => {
    try {
      for (const one of back) if (one.ids.length) await bulk(one.ids, one.body)
      toast(t('bulk.undone'))
    } catch (error) {
      toast(t('bulk.notUndone', { why: why(error) }), { tone: 'crit' })
    }
  }
  toast(text, { undo })
}
async function silence(servers: Server[], minutes: number, reason: string): Promise<void> {
  const made: string[] = []
  for (const body of silencesOf(servers, minutes, reason, Date.now())) {
    const one = await post<{ id: string }>('/api/v1/silences', body)
    if (one) made.push(one.id)
  }
  toast(tn('bulk.silenced', servers.length), {
    undo: async () => {
      for (const id of made) await post(`/api/v1/silences/${id}/end`)
      toast(t('bulk.undone'))
    },
  })
}
const MINUTES = [30, 60, 240, 1440] as const

function Asking({ kind, servers, onClose }: { kind: Kind; servers: Server[]; onClose: () => void }) {
  const box = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [minutes, setMinutes] = useState(60)
  const [said, setSaid] = useState('')
  const [busy, setBusy] = useState(false)
  useEffect(() => box.current?.showModal(), [])
  const ids = servers.map((one) => one.id)
  const tagless = (kind === 'tag' || kind === 'untag') && !text.trim()
  useEffect(() => {
    if (kind === 'silence' || tagless) return setSaid('')
    // tried while one types: nothing is changed by it
    const timer = setTimeout(() => {
      bulk(ids, wishOf(kind, text.trim(), servers).body, true).then(
        (answer) => answer && setSaid(tn('bulk.would', answer.changed, { of: answer.matched })),
        (error) => setSaid(why(error)),
      )
    }, 250)
    return () => clearTimeout(timer)
  }, [kind, text, tagless])
  const act = async (event: React.FormEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      if (kind === 'silence') await silence(servers, minutes, text.trim())
      else {
        const wish = wishOf(kind, text.trim(), servers)
        const answer = await bulk(ids, wish.body)
        await done(tn('bulk.changed', answer?.changed ?? 0), wish.back)
      }
      onClose()
    } catch (error) {
      setSaid(why(error))
      setBusy(false)
    }
  }
  return (
    <dialog ref={box} className="card ask" aria-labelledby="ask-title" onClose={onClose}>
      <form onSubmit={act}>
        <h2 id="ask-title">{tn(`bulk.${kind}Title`, servers.length)}</h2>
        {kind === 'silence' && (
          <label>
            {t('bulk.howLong')}
            <select className="inp" value={minutes} onChange={(e) => setMinutes(Number(e.target.value))}>
              {MINUTES.map((one) => (
                <option key={one} value={one}>
                  {t(`bulk.m${one}`)}
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          {t(`bulk.${kind}Label`)}
          <input
            className="inp"
            required={kind !== 'role' && kind !== 'site'}
            maxLength={kind === 'silence' ? 500 : 60}
            value={text}
            onChange={(e) => setText(e.target.value)}
          />
        </label>
        <p className="dim" role="status">
          {said || '\u00a0'}
        </p>
        <div className="acts">
          <button type="submit" className="btn pri" disabled={busy}>
            {t(`bulk.${kind}`)}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t('form.cancel')}
          </button>
        </div>
      </form>
    </dialog>
  )
}
export default function Bulk({
  fleet,
  chosen,
  onNone,
}: {
  fleet: Fleet
  chosen: ReadonlySet<string>
  onNone: () => void
}) {
  const [asking, ask] = useState<Kind | null>(null)
  const servers = [...chosen].map((id) => fleet.get(id)).filter((one) => one !== undefined)
  const teams = new Set(servers.map((one) => one.team))
  const manages = [...teams].every((team) => fleet.manages.includes(team))
  const acts = [...teams].every((team) => fleet.acts.includes(team))
  const pause = async (kind: 'pause' | 'resume') => {
    const wish = wishOf(kind, '', servers)
    try {
      const answer = await bulk(
        servers.map((one) => one.id),
        wish.body,
      )
      await done(tn('bulk.changed', answer?.changed ?? 0), wish.back)
    } catch (error) {
      toast(why(error), { tone: 'crit' })
    }
  }
  return (
    <fieldset className="bulk" aria-label={t('bulk.label')}>
      <strong className="num" role="status">
        {tn('bulk.chosen', servers.length)}
      </strong>
      {acts && (
        <button type="button" className="btn sm" onClick={() => ask('silence')}>
          {t('bulk.silence')}
        </button>
      )}
      {manages &&
        (['tag', 'untag', 'role', 'site'] as const).map((kind) => (
          <button type="button" className="btn sm" key={kind} onClick={() => ask(kind)}>
            {t(`bulk.${kind}`)}
          </button>
        ))}
      {manages &&
        (['pause', 'resume'] as const).map((kind) => (
          <button type="button" className="btn sm" key={kind} onClick={() => void pause(kind)}>
            {t(`bulk.${kind}`)}
          </button>
        ))}
      {!acts && !manages && <span className="dim">{t('bulk.mayNot')}</span>}
      <span className="sp" />
      <button type="button" className="btn ghost sm" onClick={onNone}>
        {t('bulk.none')}
      </button>
      {asking && <Asking kind={asking} servers={servers} onClose={() => ask(null)} />}
    </fieldset>
  )
}
