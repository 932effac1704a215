// The last look at the fleet, kept by the browser: names, states and three numbers of each server, and their time.
// It is what the offline page shows, and it goes when the person signs out.
import type { Incident, TimelineEntry } from '../types'

export const CACHE = 'snapshot'
export const PLACE = '/snapshot/'
const EVERY_MS = 5 * 60_000
const INCIDENTS = '/incidents/'
const [MOST_OPEN, MOST_TOLD, MOST_PAGES] = [100, 50, 20]

export interface Kept {
  at: number
  count: number
  servers: Array<{
    name: string
    url: string
    tone: string
    word: string
    cpu: number | null
    memory: number | null
    disk: number | null
  }>
  incidents: Array<{ title: string; url: string; severity: string; since: number }>
}
async function take(): Promise<void> {
  if (document.hidden || !navigator.onLine) return
  const answer = await fetch(PLACE, { credentials: 'same-origin', headers: { Accept: 'application/json' } })
  if (answer.ok && !answer.redirected) await (await caches.open(CACHE)).put(PLACE, answer)
}
export function keep(): void {
  if (!('caches' in window)) return
  const quietly = () => void take().catch(() => undefined)
  setTimeout(quietly, 4000) // after the page has what it needs itself
  setInterval(quietly, EVERY_MS)
}
/** What is kept of the inbox or of one incident: what is wrong since when, who has it, what was written down, what to do. */
export interface Look {
  at: number
  incidents: Array<{ title: string; url: string; severity: string; since: number; owner: string | null }>
  told?: Array<[at: number, text: string]>
  todo?: string
}
interface Page {
  now: number
  incidents?: Incident[]
  incident?: Incident
  timeline?: TimelineEntry[]
  by_rule?: { runbook: string } | null
}
const short = ({ title, url, severity, since, owner }: Incident) => ({ title, url, severity, since, owner })
function lookOf(page: Page): Look {
  if (!page.incident) {
    const open = (page.incidents ?? []).filter(({ state }) => state !== 'resolved')
    return { at: page.now, incidents: open.slice(0, MOST_OPEN).map(short) }
  }
  const told = (page.timeline ?? []).slice(-MOST_TOLD).map(({ at, text }): [number, string] => [at, text])
  return { at: page.now, incidents: [short(page.incident)], told, todo: page.by_rule?.runbook ?? '' }
}
/** Alerts and the incidents looked at last, as their pages came: nothing is asked of the hub for it. */
async function keepLook(place: string): Promise<void> {
  const page = document.querySelector('script[id^="island-"]')?.textContent
  if (!page) return
  const cache = await caches.open(CACHE)
  const names = (await cache.keys())
    .map(({ url }) => new URL(url).pathname)
    .filter((name) => name.startsWith(INCIDENTS))
  const others = names.filter((name) => name !== place) // the oldest first
  for (const name of [place, ...others.slice(0, Math.max(0, others.length + 1 - MOST_PAGES))]) await cache.delete(name)
  await cache.put(place, new Response(JSON.stringify(lookOf(JSON.parse(page)))))
}
const isKept = (place: string): boolean => place === '/alerts/' || /^\/incidents\/[0-9a-f-]{36}\/$/.test(place)
export function keepPage(): void {
  if ('caches' in window && isKept(location.pathname)) void keepLook(location.pathname).catch(() => undefined)
}
export async function look(place: string): Promise<Look | null> {
  if (!('caches' in window) || !isKept(place)) return null
  const answer = await (await caches.open(CACHE)).match(place, { ignoreVary: true })
  return answer ? ((await answer.json()) as Look) : null
}
export async function kept(): Promise<Kept | null> {
  if (!('caches' in window)) return null
  const answer = await (await caches.open(CACHE)).match(PLACE, { ignoreVary: true })
  return answer ? ((await answer.json()) as Kept) : null
}
export const forget = async (): Promise<void> => {
  if ('caches' in window) await caches.delete(CACHE)
}
