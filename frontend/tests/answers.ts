// A hub that gives these answers, one after the other, and remembers what it was asked.
import { vi } from 'vitest'

export const answers = (...list: Array<[number, unknown]>) => {
  const asked: Array<{ url: string; method?: string; body: unknown }> = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    asked.push({ url, method: init.method, body: init.body ? JSON.parse(String(init.body)) : undefined })
    const [status, answer] = list.shift() ?? [200, {}]
    return new Response(JSON.stringify(answer), { status, headers: { 'Content-Type': 'application/json' } })
  })
  return asked
}
