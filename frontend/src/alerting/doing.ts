// What a person does with incidents: sent at once, kept while the line is down, and taken back for ten seconds.
import { useSyncExternalStore } from 'react'
import { now } from '../live/clock'
import { csrf, HttpError, post } from '../live/http'
import type { Incident } from '../types'
import { toast } from '../ui/toast'
import { t, tn } from '../words'
import { iso } from './zones'

type Verb = 'acknowledge' | 'resolve' | 'unacknowledge' | 'note'
interface Deed {
  incident: string
  title: string
  verb: Verb
  body: Record<string, unknown>
  note?: string // said before it
  at: number
}
/** For how long an incident may be put off, in hours: the same everywhere. */
export const HOURS = [1, 4, 8, 24] as const
export const UNDO_MS = 10_000
const AGAIN_MS = 10_000
const PATIENCE_MS = 15_000 // an answer that takes longer does not come: the next turn asks again
const LONGEST = 12 * 3600 // an answer from yesterday says nothing any more
const HOUR = 3600

let place = 'watchkeeper.deeds'
let kept: Deed[] = []
let waiting: Deed[] = [] // ends, for ten seconds: until then they can be taken back
let going: Deed[] = [] // on their way at this moment
let timer: ReturnType<typeof setTimeout> | undefined
let sending = false
let asked = false // for another turn, during one
let alone = false // nothing can be stored
let underway: { deed: Deed; done: Promise<unknown> } | null = null // of those kept
const listeners = new Set<() => void>()
let shown: ReadonlyMap<string, Verb> = new Map()

function say(): void {
  const deeds = [...kept, ...waiting, ...going].filter(({ verb }) => verb !== 'note')
  shown = new Map(deeds.map((one) => [one.incident, one.verb]))
  for (const listener of listeners) listener()
}
/** What every tab of this person keeps together; a browser that keeps nothing has what this page knows. */
function stored(): Deed[] {
  if (alone) return kept
  try {
    return JSON.parse(localStorage.getItem(place) ?? '[]') as Deed[]
  } catch {
    return kept
  }
}
const same = (a: Deed, b: Deed) => a.incident === b.incident && a.verb === b.verb && a.at === b.at
/** Another tab may have kept or sent something meanwhile: each change begins with what is stored now. */
function keep(change: (list: Deed[]) => Deed[]): void {
  kept = change(stored())
  try {
    localStorage.setItem(place, JSON.stringify(kept))
    alone = false
  } catch {
    alone = true // a browser that keeps nothing still sends while the page is open
  }
  say()
}
const drop = (gone: Deed[]) => keep((list) => list.filter((one) => !gone.some((deed) => same(one, deed))))
const path = (one: Deed, verb: string) => `/api/v1/incidents/${one.incident}/${verb}`
async function send(one: Deed): Promise<void> {
  if (one.note) await post(path(one, 'note'), { text: one.note }, AbortSignal.timeout(PATIENCE_MS))
  one.note = undefined // said: it is not said again when the rest has to wait
  await post(path(one, one.verb), one.body, AbortSignal.timeout(PATIENCE_MS))
}
/** The page is being left: the browser sends it on its own. */
function leave(one: Deed): void {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json', 'X-CSRFToken': csrf() }
  const said: Array<[string, unknown]> = one.note ? [['note', { text: one.note }]] : []
  for (const [verb, body] of [...said, [one.verb, one.body] as [string, unknown]])
    void fetch(path(one, verb), {
      method: 'POST',
      credentials: 'same-origin',
      keepalive: true,
      headers,
      body: JSON.stringify(body),
    }).catch(() => undefined)
}
/** No line, a hub that restarts or is busy, or a session that ended: after that it is sent, not lost. */
const LATER = [0, 401, 429]
const offline = (error: unknown) => error instanceof HttpError && (LATER.includes(error.status) || error.status >= 502)
const why = (error: unknown) => (error instanceof Error ? error.message : '')

/** What was kept while nothing could be sent goes out in its order, from one tab. */
export async function flush(): Promise<void> {
  clearTimeout(timer)
  timer = undefined
  if (sending) {
    asked = true // the line may be back, though the turn under way began without it
    return
  }
  sending = true
  let sent = 0
  try {
    // plain http beyond loopback has no locks: there each tab sends what it finds
    if (navigator.locks)
      sent = await navigator.locks.request(place, { ifAvailable: true }, (lock) => (lock ? sendKept() : 0))
    else sent = await sendKept()
  } finally {
    sending = false
  }
  if (sent) toast(tn('doing.sentNow', sent))
  if (kept.length) timer = setTimeout(() => void flush(), asked ? 0 : AGAIN_MS)
  asked = false
}
async function sendKept(): Promise<number> {
  let sent = 0
  kept = stored()
  for (let deed = kept[0]; deed; deed = kept[0]) {
    if (now() - deed.at < LONGEST) {
      try {
        underway = { deed, done: send(deed) }
        await underway.done
        sent += 1
      } catch (error) {
        if (offline(error)) {
          const { note } = deed
          keep((list) => list.map((one) => (deed && same(one, deed) ? { ...one, note } : one)))
          break
        }
        toast(t('doing.refused', { title: deed.title, why: why(error) }), { tone: 'crit' })
      }
    } else toast(t('doing.tooOld', { title: deed.title }), { tone: 'crit' })
    underway = null
    drop([deed])
  }
  underway = null
  return sent
}
/** Whose deeds these are: on a shared computer nobody sends what another did. */
export function begin(me: string): void {
  place = `watchkeeper.deeds.${me}`
  kept = []
  kept = stored()
  say()
  addEventListener('online', () => void flush())
  // what waits for its ten seconds is meant: a page that is left sends it
  addEventListener('pagehide', () => {
    for (const one of waiting) leave(one)
    waiting = []
  })
  void flush()
}
/** What is on its way, by incident. */
export const useDoing = (): ReadonlyMap<string, Verb> =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => shown,
  )

async function all(deeds: Deed[]): Promise<{ sent: Deed[]; waits: Deed[] }> {
  const sent: Deed[] = []
  const waits: Deed[] = []
  const faults: string[] = []
  going = [...going, ...deeds]
  say()
  for (const deed of deeds) {
    try {
      await send(deed)
      sent.push(deed)
    } catch (error) {
      if (offline(error)) waits.push(deed)
      else faults.push(why(error))
    }
  }
  going = going.filter((one) => !deeds.includes(one))
  if (waits.length) {
    keep((list) => [...list, ...waits])
    timer ??= setTimeout(() => void flush(), AGAIN_MS)
  }
  say()
  if (faults[0]) toast(t('incident.failed', { why: faults[0] }), { tone: 'crit' })
  return { sent, waits }
}
const deed = (one: Incident, verb: Verb, body: Record<string, unknown> = {}): Deed => ({
  incident: one.id,
  title: one.title,
  verb,
  body,
  at: now(),
})
/** Takes them; says so, and gives them back when asked within ten seconds. */
export async function take(incidents: Incident[], body: Record<string, unknown> = {}, text?: string): Promise<void> {
  const free = incidents.filter((one) => one.state !== 'resolved')
  if (!free.length) return
  const { sent, waits } = await all(free.map((one) => deed(one, 'acknowledge', body)))
  const undo = async () => {
    // what waited may have gone out since, or be on its way at this moment
    const busy = underway && waits.some((one) => underway && same(one, underway.deed)) ? underway : null
    const left = stored().filter((one) => !busy || !same(one, busy.deed))
    const gone = [...sent, ...waits.filter((one) => !left.some((other) => same(one, other)))]
    drop(waits)
    await busy?.done.catch(() => undefined)
    if (gone.length) await all(free.filter((one) => gone.some((deed) => deed.incident === one.id)).map(back))
  }
  if (waits.length) toast(tn('doing.kept', waits.length), { undo })
  else if (sent.length) toast(text ?? tn('doing.taken', sent.length), { undo })
}
const back = (one: Incident) => deed(one, 'unacknowledge')

/** Nobody is on it any more: it calls again. */
export async function giveBack(incidents: Incident[]): Promise<void> {
  const { sent } = await all(incidents.map(back))
  if (sent.length) toast(tn('doing.back', sent.length))
}
const snoozeBody = (seconds: number) => ({ how: 'until', until: iso(now() + seconds) })
export const snooze = (incidents: Incident[], hours: number): Promise<void> => {
  const text = tn('doing.snoozed', incidents.length, { hours: t(`snooze.${hours}` as 'snooze.1') })
  return take(incidents, snoozeBody(hours * HOUR), text)
}
/** Said at once, or kept like everything else that is done without a line; a refusal is its caller's to show. */
export async function note(incident: Incident, text: string): Promise<void> {
  const one = deed(incident, 'note', { text })
  try {
    await send(one)
  } catch (error) {
    if (!offline(error)) throw error
    keep((list) => [...list, one])
    timer ??= setTimeout(() => void flush(), AGAIN_MS)
    toast(t('doing.noteKept'))
  }
}
/** Ends them after ten seconds, unless somebody thinks better of it: an end that was told cannot be taken back. */
export function resolve(incidents: Incident[], reason = ''): void {
  const open = incidents.filter((one) => one.state !== 'resolved' && shown.get(one.id) !== 'resolve')
  if (!open.length) return
  const deeds = open.map((one): Deed => ({ ...deed(one, 'resolve'), note: reason.trim() || undefined }))
  const free = () => {
    waiting = waiting.filter((one) => !deeds.includes(one))
    say()
  }
  waiting = [...waiting, ...deeds]
  say()
  const go = setTimeout(() => {
    if (!deeds.some((one) => waiting.includes(one))) return
    void all(deeds)
    free()
  }, UNDO_MS)
  const undo = () => {
    clearTimeout(go)
    free()
  }
  toast(tn('doing.resolving', open.length), { undo })
}
