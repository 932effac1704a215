// The service worker, and what is kept of the fleet for the time without a line. Nothing is kept for a stranger.
import { person } from '../person'
import { forget, keep, keepPage } from './snapshot'

/** Whoever signs out leaves nothing behind: neither what was seen nor what was not sent yet. */
function leave(): void {
  void forget()
  for (const key of Object.keys(localStorage)) if (key.startsWith('watchkeeper.deeds.')) localStorage.removeItem(key)
}
export async function settle(): Promise<void> {
  for (const form of document.querySelectorAll('[data-leave]')) form.addEventListener('submit', leave)
  if (!person.here) return void forget()
  await navigator.serviceWorker.register('/worker.js', { scope: '/', updateViaCache: 'none' }).catch(() => undefined)
  if (location.pathname === '/') keep()
  else keepPage()
}
