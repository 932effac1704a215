// Web push for this browser: whether it is on, and how to switch it.
import { getJson, send } from './live/http'

type PushState = 'unsupported' | 'denied' | 'off' | 'on'

const WORKER = '/worker.js'

export function supported(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window
}

export async function state(): Promise<PushState> {
  if (!supported()) return 'unsupported'
  if (Notification.permission === 'denied') return 'denied'
  const registration = await navigator.serviceWorker.getRegistration('/')
  return (await registration?.pushManager.getSubscription()) ? 'on' : 'off'
}

/** The browser's push service gave no address, for a reason in the browser's own words. */
export class NoAddress extends Error {}

/** Ask the person, then the browser's push service, then tell the server. */
/** The person's own channel that this browser now belongs to; null where it may not. */
export async function subscribe(name = browserName()): Promise<string | null> {
  if (!supported() || (await Notification.requestPermission()) !== 'granted') return null
  await navigator.serviceWorker.register(WORKER, { scope: '/' })
  const registration = await navigator.serviceWorker.ready
  const { key } = await getJson<{ key: string }>('/api/v1/push/key')
  const options = { userVisibleOnly: true, applicationServerKey: bytes(key) }
  const made = await registration.pushManager.subscribe(options).catch((error: unknown) => {
    throw new NoAddress(error instanceof Error ? error.message : String(error))
  })
  const answer = await send<{ channel: string }>('POST', '/api/v1/push/subscriptions', { ...made.toJSON(), name })
  return answer?.channel ?? null
}

export async function unsubscribe(): Promise<PushState> {
  const registration = await navigator.serviceWorker.getRegistration('/')
  const subscription = await registration?.pushManager.getSubscription()
  if (subscription) {
    await send('DELETE', '/api/v1/push/subscriptions', { endpoint: subscription.endpoint })
    await subscription.unsubscribe()
  }
  return 'off'
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const base64 = base64url.replaceAll('-', '+').replaceAll('_', '/')
  const text = atob(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='))
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

function browserName(): string {
  const found = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(navigator.userAgent)
  return found?.[1]?.replace('Edg', 'Edge').replace('OPR', 'Opera') ?? 'Browser'
}
