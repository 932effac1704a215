import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { HIDDEN_MS, Live, type Outside, PING_MS, POLL_MS, SILENT_MS, type Socket } from '../src/live/client'
import type { Message, Seqs } from '../src/types'

class Fake implements Socket {
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  sent: unknown[] = []
  open = true
  answers = false
  send = (text: string) => {
    this.sent.push(JSON.parse(text))
    if (this.answers && text.includes('ping')) this.onmessage?.(new MessageEvent('message', { data: '{"pong":1}' }))
  }
  close = () => {
    this.open = false
  }
  accept() {
    this.onopen?.(new Event('open'))
    this.onmessage?.(new MessageEvent('message', { data: '{"pong":0}' }))
  }
  say(topic: string, seq: number, data: Record<string, unknown> = {}) {
    const message: Message = { topic, seq, at: Date.now() / 1000, data }
    this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(message) }))
  }
  end(code = 1006) {
    this.onclose?.(new CloseEvent('close', { code }))
  }
}
let sockets: Fake[]
let live: Live
let outside: { [K in keyof Outside]: ReturnType<typeof vi.fn> }
const last = () => sockets.at(-1) as Fake
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  sockets = []
  outside = {
    open: vi.fn(() => {
      const socket = new Fake()
      sockets.push(socket)
      return socket
    }),
    poll: vi.fn(async () => ({ messages: [], seq: {}, reset: [] })),
    signedOut: vi.fn(),
    changed: vi.fn(),
    gone: vi.fn(),
    random: vi.fn(() => 1),
  }
  live = new Live(outside as unknown as Outside)
})
afterEach(() => vi.useRealTimers())

function follow(topics: Seqs, reload = vi.fn(async (): Promise<Seqs> => ({}))) {
  const seen: number[] = []
  const off = live.watch({ topics, on: (message) => void seen.push(message.seq), reload })
  return { seen, off, reload }
}

it('shares one connection between watchers and asks for each topic once', () => {
  const a = follow({ fleet: 0 })
  last().accept()
  const b = follow({ fleet: 0, incidents: 0 })
  expect(sockets).toHaveLength(1)
  expect(last().sent).toEqual([{ sub: ['fleet'] }, { sub: ['incidents'] }])
  a.off()
  expect(last().sent).toHaveLength(2) // fleet is still looked at
  b.off()
  expect(live.link.state).toBe('idle')
  expect(last().open).toBe(false)
})

it('passes messages on in order and drops what the page already had', () => {
  const { seen, reload } = follow({ fleet: 5 })
  last().accept()
  last().say('fleet', 5, { subscribed: true })
  last().say('fleet', 5)
  last().say('fleet', 6)
  last().say('fleet', 7)
  expect(seen).toEqual([6, 7])
  expect(reload).not.toHaveBeenCalled()
})

it('loads the page again when a number is missing, and keeps what arrives meanwhile', async () => {
  let loaded: (seq: Seqs) => void = () => undefined
  const reload = vi.fn(() => new Promise<Seqs>((done) => (loaded = done)))
  const { seen } = follow({ fleet: 5 }, reload)
  last().accept()
  last().say('fleet', 8)
  last().say('fleet', 9)
  expect(reload).toHaveBeenCalledTimes(1)
  loaded({ fleet: 8 })
  await settle()
  last().say('fleet', 10)
  expect(seen).toEqual([9, 10])
})

it('notices at the subscription that something was missed while away', async () => {
  const { reload } = follow(
    { fleet: 5 },
    vi.fn(async () => ({ fleet: 9 })),
  )
  last().accept()
  last().say('fleet', 9, { subscribed: true })
  await settle()
  expect(reload).toHaveBeenCalledTimes(1)
})

it('keeps trying after a reload that failed', async () => {
  const reload = vi.fn(async (): Promise<Seqs> => {
    throw new Error('away')
  })
  follow({ fleet: 5 }, reload)
  last().accept()
  last().say('fleet', 8)
  await settle()
  last().say('fleet', 9)
  await settle()
  expect(reload).toHaveBeenCalledTimes(2)
})

it('says that the line is lost and comes back within seconds, each time a little later', async () => {
  follow({ fleet: 0 })
  last().accept()
  expect(live.link.state).toBe('live')
  last().end()
  expect(live.link.state).toBe('lost')
  await vi.advanceTimersByTimeAsync(500)
  expect(sockets).toHaveLength(2)
  expect(live.link.state).toBe('lost')
  last().end()
  await vi.advanceTimersByTimeAsync(900)
  expect(sockets).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(100)
  expect(sockets).toHaveLength(3)
  last().accept()
  expect(live.link.state).toBe('live')
})

it('polls when no socket opens, says so, and goes back to the socket', async () => {
  const { seen } = follow({ fleet: 3 })
  outside.poll.mockImplementation(async () => ({
    messages: [{ topic: 'fleet', seq: 4, at: 0, data: {} }],
    seq: { fleet: 4 },
    reset: [],
  }))
  for (let i = 0; i < 3; i++) {
    last().end()
    await vi.advanceTimersByTimeAsync(2000)
  }
  expect(outside.poll).toHaveBeenCalledWith(['fleet'], { fleet: 3 })
  expect(live.link.state).toBe('polling')
  expect(seen).toEqual([4])
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect(outside.poll).toHaveBeenLastCalledWith(['fleet'], { fleet: 4 })
  last().accept()
  const asked = outside.poll.mock.calls.length
  await vi.advanceTimersByTimeAsync(POLL_MS * 2)
  expect(live.link.state).toBe('live')
  expect(outside.poll).toHaveBeenCalledTimes(asked)
})

it('a socket that opens and says nothing counts as none', async () => {
  follow({ fleet: 3 })
  for (let i = 0; i < 3; i++) {
    last().onopen?.(new Event('open'))
    last().end()
    await vi.advanceTimersByTimeAsync(2000)
  }
  expect(live.link.state).toBe('polling')
})

it('loads the page again when polling fell too far behind', async () => {
  const { reload } = follow({ fleet: 3 })
  outside.poll.mockResolvedValue({ messages: [], seq: { fleet: 900 }, reset: ['fleet'] })
  for (let i = 0; i < 3; i++) {
    last().end()
    await vi.advanceTimersByTimeAsync(2000)
  }
  expect(reload).toHaveBeenCalled()
})

it('goes to the login when the session ended', () => {
  follow({ fleet: 0 })
  last().accept()
  last().end(4401)
  expect(outside.signedOut).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(60_000)
  expect(sockets).toHaveLength(1)
})

it('lets go of a hidden tab after a minute and returns with it', () => {
  follow({ fleet: 0 })
  last().accept()
  last().answers = true
  live.visible(false)
  vi.advanceTimersByTime(HIDDEN_MS - 1)
  expect(live.link.state).toBe('live')
  vi.advanceTimersByTime(1)
  expect(live.link.state).toBe('paused')
  expect(last().open).toBe(false)
  live.visible(true)
  expect(sockets).toHaveLength(2)
})

it('works off what came to a hidden tab when it is looked at, not before', () => {
  const { seen, reload } = follow({ fleet: 5 })
  last().accept()
  last().say('fleet', 5, { subscribed: true })
  live.visible(false)
  last().say('fleet', 6)
  last().say('fleet', 7)
  expect(seen).toEqual([])
  live.visible(true)
  expect(seen).toEqual([6, 7])
  live.visible(false)
  for (let seq = 8; seq < 600; seq++) last().say('fleet', seq)
  expect(reload).not.toHaveBeenCalled()
  live.visible(true)
  expect(reload).toHaveBeenCalledTimes(1) // more than is kept: a gap
})

it('hears at once, hidden or not, that less may be seen', () => {
  const { reload } = follow({ fleet: 5 })
  last().accept()
  last().say('fleet', 5, { subscribed: true, sight: 'a' })
  live.visible(false)
  last().say('fleet', 5, { subscribed: true, sight: 'b' })
  expect(reload).toHaveBeenCalledTimes(1)
})

it('notices a line that is dead but not closed', () => {
  follow({ fleet: 0 })
  last().accept()
  vi.advanceTimersByTime(PING_MS)
  expect(last().sent).toContainEqual({ ping: 1 })
  vi.advanceTimersByTime(SILENT_MS)
  expect(live.link.state).toBe('lost')
  vi.advanceTimersByTime(1000)
  last().accept()
  last().answers = true
  vi.advanceTimersByTime(SILENT_MS * 3)
  expect(live.link.state).toBe('live')
})

const refuse = (topic: string) =>
  last().onmessage?.(new MessageEvent('message', { data: JSON.stringify({ topic, error: 'unknown' }) }))

it('loads the page anew when a topic is refused, and says that it did', async () => {
  const { reload } = follow({ fleet: 5 })
  last().accept()
  refuse('fleet')
  await settle()
  expect(reload).toHaveBeenCalledTimes(1)
  expect(outside.changed).toHaveBeenCalledTimes(1)
  expect(live.link.refused).toBe(true)
  refuse('fleet')
  await settle()
  expect(reload).toHaveBeenCalledTimes(1)
})

it('loads the page anew when the hub shows another part of a topic under the same number', async () => {
  const { reload } = follow({ fleet: 5 })
  last().accept()
  last().say('fleet', 5, { subscribed: true, sight: 'all' })
  await settle()
  expect(reload).not.toHaveBeenCalled()
  last().say('fleet', 5, { subscribed: true, sight: 'some' })
  await settle()
  expect(reload).toHaveBeenCalledTimes(1)
  expect(outside.changed).toHaveBeenCalledTimes(1)
  expect(live.link.refused).toBe(false)
})

it('ends a page that may not be seen any more', async () => {
  follow(
    { 'server.1': 5 },
    vi.fn(async () => {
      throw Object.assign(new Error('nothing here'), { status: 404 })
    }),
  )
  last().accept()
  refuse('server.1')
  await settle()
  expect(outside.gone).toHaveBeenCalledTimes(1)
  expect(live.link.state).toBe('idle')
})

it('asks on until the hub answers, when a refused page could not be loaded', async () => {
  let up = false
  const reload = vi.fn(async (): Promise<Seqs> => {
    if (!up) throw new Error('away')
    return { fleet: 1 }
  })
  follow({ fleet: 5 }, reload)
  last().accept()
  refuse('fleet')
  await settle()
  up = true
  await vi.advanceTimersByTimeAsync(1000)
  expect(reload).toHaveBeenCalledTimes(2)
  expect(outside.changed).toHaveBeenCalledTimes(1)
})

it('hears by polling that less may be seen', async () => {
  outside.poll.mockImplementation(async () => ({ messages: [], seq: { fleet: 5 }, reset: [], sight: { fleet: 'a' } }))
  const { reload } = follow({ fleet: 5 })
  for (let n = 0; n < 3; n++) {
    last().end()
    await vi.advanceTimersByTimeAsync(n < 2 ? 1000 : 0)
  }
  await settle()
  expect(live.link.state).toBe('polling')
  outside.poll.mockImplementation(async () => ({ messages: [], seq: { fleet: 5 }, reset: [], sight: { fleet: 'b' } }))
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect(reload).toHaveBeenCalledTimes(1)
  outside.poll.mockImplementation(async () => {
    throw Object.assign(new Error('no'), { status: 403 })
  })
  await vi.advanceTimersByTimeAsync(POLL_MS)
  expect(reload).toHaveBeenCalledTimes(2)
})
