// One live connection per tab. Pages watch topics; each watch follows the numbers of its own topics and reloads its
// page data when one is missing. Without a WebSocket the same messages are polled, and the badge says so.
import type { Message, Seqs } from '../types'
import { learn } from './clock'

export type LinkState = 'idle' | 'connecting' | 'live' | 'polling' | 'lost' | 'paused'
export interface Link {
  state: LinkState
  since: number // when this state began, performance clock, ms
  contact: number | null // last word of any kind from the hub
  data: number | null // last message that carried data
}
export interface Watch {
  topics: Seqs
  on: (message: Message) => void
  /** Fetch the page's data again, show it, and answer its sequence numbers. */
  reload: () => Promise<Seqs>
  /** Whether missed messages, folded in one by one, make the page whole again; else it is loaded anew. */
  light?: boolean
}
export interface Socket {
  onopen: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  send: (text: string) => void
  close: () => void
}
export interface Outside {
  open: () => Socket
  poll: (topics: string[], since: Seqs) => Promise<{ messages: Message[]; seq: Seqs; reset: string[] }>
  signedOut: () => void
  random: () => number
}
interface Watching extends Watch {
  seen: Seqs
  queue: Message[] | null // messages that wait for a reload to finish
}

export const PING_MS = 10_000
export const SILENT_MS = 20_000
export const POLL_MS = 5_000
export const HIDDEN_MS = 60_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 15_000
const FAILURES_BEFORE_POLLING = 3

export class Live {
  link: Link = { state: 'idle', since: performance.now(), contact: null, data: null }
  private watches = new Set<Watching>()
  private listeners = new Set<(link: Link) => void>()
  private latest: Seqs = {}
  private socket: Socket | null = null
  private opened = false
  private failures = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private beat: ReturnType<typeof setInterval> | undefined
  private poller: ReturnType<typeof setInterval> | undefined
  private polling = false
  private hidden: ReturnType<typeof setTimeout> | undefined

  constructor(private outside: Outside) {}

  watch(watch: Watch): () => void {
    // what was said of servers out of one's reach: it counts, and says nothing
    const on = (message: Message): void => void (message.data.nothing || watch.on(message))
    const mine: Watching = { ...watch, on, seen: { ...watch.topics }, queue: null }
    const fresh = Object.keys(watch.topics).filter((topic) => !this.topics().includes(topic))
    this.watches.add(mine)
    for (const topic of Object.keys(mine.seen)) {
      const known = this.latest[topic]
      if (!fresh.includes(topic) && known !== undefined && known !== mine.seen[topic]) void this.refetch(mine)
    }
    if (this.opened && fresh.length) this.socket?.send(JSON.stringify({ sub: fresh }))
    else if (!this.socket && this.link.state !== 'paused') this.connect()
    return () => {
      this.watches.delete(mine)
      const gone = Object.keys(mine.seen).filter((topic) => !this.topics().includes(topic))
      for (const topic of gone) delete this.latest[topic]
      if (this.opened && gone.length) this.socket?.send(JSON.stringify({ unsub: gone }))
      if (!this.watches.size) this.stop('idle')
    }
  }

  onLink(listener: (link: Link) => void): () => void {
    this.listeners.add(listener)
    listener(this.link)
    return () => this.listeners.delete(listener)
  }

  /** The page came with data that is this old. */
  dataIs(seconds: number): void {
    this.link.data = Math.max(this.link.data ?? Number.NEGATIVE_INFINITY, performance.now() - seconds * 1000)
    this.say(this.link.state)
  }

  /** Called when the tab is hidden or shown: a tab nobody looks at lets go of its connection after a minute. */
  visible(yes: boolean): void {
    clearTimeout(this.hidden)
    if (!yes) this.hidden = setTimeout(() => this.watches.size && this.stop('paused'), HIDDEN_MS)
    else if (this.link.state === 'paused') this.connect()
    else if (this.link.state === 'lost') this.connect()
  }

  private topics(): string[] {
    return [...new Set([...this.watches].flatMap((watch) => Object.keys(watch.topics)))]
  }

  private say(state: LinkState): void {
    if (state !== this.link.state) this.link = { ...this.link, state, since: performance.now() }
    for (const listener of this.listeners) listener(this.link)
  }

  private stop(state: LinkState): void {
    clearTimeout(this.retry)
    clearInterval(this.beat)
    clearInterval(this.poller)
    this.poller = undefined
    this.drop()
    this.say(state)
  }

  private drop(): void {
    const socket = this.socket
    this.socket = null
    this.opened = false
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  private connect(): void {
    clearTimeout(this.retry)
    this.drop()
    const socket = this.outside.open()
    this.socket = socket
    if (this.link.state !== 'lost' && this.link.state !== 'polling') this.say('connecting')
    let spoken = false
    socket.onopen = () => {
      this.opened = true
      socket.send(JSON.stringify({ sub: this.topics() }))
      this.watchOver(socket)
    }
    socket.onmessage = (event) => {
      // an open socket proves nothing: some proxies accept it and pass nothing on
      if (!spoken) this.works()
      spoken = true
      this.heard()
      this.receive(JSON.parse(String(event.data)))
    }
    socket.onclose = (event) => this.closed(event.code)
  }

  private works(): void {
    this.failures = 0
    clearInterval(this.poller)
    this.poller = undefined
    this.heard()
    this.say('live')
  }

  /** Ask now and then, so that a dead line is noticed although nothing is sent on it. */
  private watchOver(socket: Socket): void {
    clearInterval(this.beat)
    let asked = Number.NEGATIVE_INFINITY // when the first question without an answer was sent
    this.beat = setInterval(() => {
      const at = performance.now()
      if ((this.link.contact ?? 0) >= asked) {
        // a hidden tab's timers sleep: the silence counts from the question, not from the last word
        asked = at
      } else if (at - asked >= SILENT_MS) {
        this.closed(1006)
        return
      }
      socket.send('{"ping":1}')
    }, PING_MS)
  }

  private closed(code: number): void {
    clearInterval(this.beat)
    this.drop()
    if (code === 4401) {
      this.outside.signedOut()
      return
    }
    this.failures += 1
    if (this.failures >= FAILURES_BEFORE_POLLING) this.startPolling()
    if (!this.poller || this.link.state !== 'polling') this.say('lost')
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1))
    this.retry = setTimeout(() => this.connect(), wait * (0.5 + this.outside.random() / 2))
  }

  private startPolling(): void {
    if (this.poller) return
    this.poller = setInterval(() => void this.poll(), POLL_MS)
    void this.poll()
  }

  private async poll(): Promise<void> {
    if (this.polling) return
    this.polling = true
    try {
      const answer = await this.outside.poll(this.topics(), this.since())
      if (!this.poller) return
      this.heard()
      this.say('polling')
      for (const message of answer.messages) this.receive(message)
      for (const topic of answer.reset) this.lag(topic)
    } catch {
      if (this.poller) this.say('lost')
    } finally {
      this.polling = false
    }
  }

  /** The lowest number any watch has seen, per topic: nobody misses a message. */
  private since(): Seqs {
    const low: Seqs = {}
    for (const watch of this.watches)
      for (const [topic, seq] of Object.entries(watch.seen)) low[topic] = Math.min(low[topic] ?? seq, seq)
    return low
  }

  private heard(): void {
    this.link.contact = performance.now()
  }

  private receive(message: Partial<Message> & { error?: string }): void {
    const { topic, seq, data } = message
    if (topic === undefined || seq === undefined || !data) return
    if (message.at) learn(message.at)
    this.latest[topic] = seq
    const whole = message as Message
    if (!data.subscribed) {
      this.link.data = performance.now()
      this.say(this.link.state)
    }
    for (const watch of this.watches) if (topic in watch.seen) this.give(watch, whole)
  }

  private give(watch: Watching, message: Message): void {
    const { topic, seq } = message
    if (watch.queue) {
      watch.queue.push(message)
      return
    }
    const before = watch.seen[topic] ?? 0
    if (message.data.subscribed) {
      if (seq !== before) void this.refetch(watch)
    } else if (seq === before + 1) {
      watch.seen[topic] = seq
      watch.on(message)
    } else if (seq > before) {
      void this.refetch(watch)
    } // an older number was part of the page's data already
  }

  private lag(topic: string): void {
    for (const watch of this.watches) if (topic in watch.seen) void this.refetch(watch)
  }

  /** Only what was missed, where the hub still keeps it: a second of a large fleet is a hundredth of its page. */
  private async catchUp(watch: Watching): Promise<boolean> {
    const { messages, seq, reset } = await this.outside.poll(Object.keys(watch.topics), { ...watch.seen })
    if (reset.length) return false
    for (const message of messages) {
      if (message.seq !== (watch.seen[message.topic] ?? 0) + 1) continue
      watch.seen[message.topic] = message.seq
      watch.on(message)
    }
    return Object.entries(seq).every(([topic, last]) => (watch.seen[topic] ?? 0) >= last)
  }

  /** Something was missed: load the page's data again; what arrives meanwhile waits and follows. */
  private async refetch(watch: Watching): Promise<void> {
    if (watch.queue) return
    const queue: Message[] = []
    watch.queue = queue
    try {
      if (!watch.light || !(await this.catchUp(watch))) Object.assign(watch.seen, await watch.reload())
      watch.queue = null
    } catch {
      // keep the gap open: the next message or connection tries again
      watch.queue = null
      return
    }
    for (const message of queue) {
      const seen = watch.seen[message.topic] ?? 0
      if (message.data.subscribed) continue
      if (message.seq > seen + 1) {
        // still behind: the loaded data was older than what was missed
        setTimeout(() => void this.refetch(watch), 1000)
        return
      }
      if (message.seq === seen + 1) {
        watch.seen[message.topic] = message.seq
        watch.on(message)
      }
    }
  }
}
