// Requests to our own hub: JSON in and out, the session cookie, and one place that knows what "signed out" means.
import { t } from '../words'

export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What is wrong with each field of the request, where the hub says so. */
    readonly fields: Record<string, string> = {},
  ) {
    super(message)
  }
}
export function toLogin(): void {
  const here = location.pathname + location.search
  location.assign(`/accounts/login/?next=${encodeURIComponent(here)}`)
}
/** The page's own token, else the cookie's: under https the cookie may be out of a script's reach. */
export function csrf(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content
  return meta || (/(?:^|; )(?:__Host-)?csrf(?:token)?=([^;]+)/.exec(document.cookie)?.[1] ?? '')
}
async function ask(url: string, init: RequestInit): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(url, { credentials: 'same-origin', ...init })
  } catch (error) {
    // a hub that takes too long is as silent as one that is away
    if (init.signal?.aborted && init.signal.reason?.name !== 'TimeoutError') throw error
    throw new HttpError(0, t('hub.silent'))
  }
  if (answer.ok) return answer
  const body = await answer.json().catch(() => null)
  if (answer.status === 401 || body?.error === 'not_authenticated') toLogin()
  throw new HttpError(answer.status, body?.detail ?? t('hub.answered', { status: answer.status }), flat(body?.fields))
}
/** Faults by field as one sentence each; those of nested fields under "outer.inner". */
export function flat(fields: unknown, before = ''): Record<string, string> {
  const found: Record<string, string> = {}
  if (typeof fields !== 'object' || fields === null) return found
  for (const [name, said] of Object.entries(fields)) {
    const path = name === 'non_field_errors' ? before : before ? `${before}.${name}` : name
    if (typeof said === 'string') found[before && /^\d+$/.test(name) ? before : path] ??= said
    else if (Array.isArray(said) && said.every((one) => typeof one === 'string')) found[path] ??= said.join(' ')
    else Object.assign(found, flat(said, path))
  }
  return found
}
export async function getJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  const answer = await ask(url, { headers: { Accept: 'application/json' }, signal })
  if (answer.redirected && new URL(answer.url).pathname.startsWith('/accounts/login')) toLogin()
  return (await answer.json()) as T
}
export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export async function send<T>(
  method: Method,
  url: string,
  body: unknown = {},
  signal?: AbortSignal,
): Promise<T | null> {
  const answer = await ask(url, {
    method,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'X-CSRFToken': csrf() },
    body: JSON.stringify(body),
    signal,
  })
  return (await answer.json().catch(() => null)) as T | null
}
/** A text as it is, such as a file. */
export async function sendText<T>(url: string, text: string): Promise<T> {
  const headers = { 'Content-Type': 'application/yaml', Accept: 'application/json', 'X-CSRFToken': csrf() }
  const answer = await ask(url, { method: 'POST', headers, body: text })
  return (await answer.json()) as T
}
export const post = <T>(url: string, body: unknown = {}, signal?: AbortSignal): Promise<T | null> =>
  send<T>('POST', url, body, signal)
