// The last look at the fleet, kept by the browser: names, states and three numbers of each server, and their time.
// It is what the offline page shows, and it goes when the person signs out.
export const CACHE = 'snapshot'
export const PLACE = '/snapshot/'
const EVERY_MS = 5 * 60_000

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
export async function kept(): Promise<Kept | null> {
  if (!('caches' in window)) return null
  const answer = await (await caches.open(CACHE)).match(PLACE, { ignoreVary: true })
  return answer ? ((await answer.json()) as Kept) : null
}
export const forget = async (): Promise<void> => {
  if ('caches' in window) await caches.delete(CACHE)
}
