// One live connection per tab. Pages watch topics; each watch follows the numbers of its own topics and reloads its
// page data when one is missing. Without a WebSocket the same messages are polled, and the badge says so.
import type { Message, Seqs } from '../types'
import { learn } from './clock'

/** A message about an incident goes to readers of several languages, and brings what each says otherwise. */
function spoken(message: Message): Message {
  const incident = message.data.incident as { said?: Record<string, object> } | undefined
  const mine = incident?.said?.[document.documentElement.lang.toLowerCase()]
  return mine ? { ...message, data: { ...message.data, incident: { ...incident, ...mine } } } : message
}
type LinkState = 'idle' | 'connecting' | 'live' | 'polling' | 'lost' | 'paused'
export interface Link {
  state: LinkState
  since: number // when this state began, performance clock, ms
  contact: number | null // last word of any kind from the hub
  data: number | null // last message that carried data
  every: number // seconds between the reports of what the page shows; 0 where it shows none
  refused: boolean // the hub does not tell this person something that the page asked for
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
interface Polled {
  messages: Message[]
  seq: Seqs
  reset: string[]
  sight?: Record<string, string>
  unknown?: string[]
}
export interface Outside {
  open: () => Socket
  poll: (topics: string[], since: Seqs) => Promise<Polled>
  signedOut: () => void
  /** This person may see more or less than before, and the page was loaded anew. */
  changed: () => void
  /** This person may not see the page any more. */
  gone: () => void
  random: () => number
}
interface Watching extends Watch {
  seen: Seqs
  queue: Message[] | null // messages that wait for a reload to finish
  stale: boolean // shows what may not be seen any more, until it is loaded anew
}

export const PING_MS = 10_000
export const SILENT_MS = 20_000
export const POLL_MS = 5_000
export const HIDDEN_MS = 60_000
const MOST_HELD = 500
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 15_000
const FAILURES_BEFORE_POLLING = 3
const AGAIN_MS = 1_000
const statusOf = (error: unknown): number => (error as { status?: number } | null)?.status ?? 0

export class Live {
  link: Link = { state: 'idle', since: performance.now(), contact: null, data: null, every: 0, refused: false }
  private watches = new Set<Watching>()
  private listeners = new Set<(link: Link) => void>()
  private latest: Seqs = {}
  private sights: Record<string, string> = {} // what this person may see of each topic, as a mark of the hub
  private refused = new Set<string>()
  private socket: Socket | null = null
  private opened = false
  private failures = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private beat: ReturnType<typeof setInterval> | undefined
  private poller: ReturnType<typeof setInterval> | undefined
  private polling = false
  private hidden: ReturnType<typeof setTimeout> | undefined
  private held: Array<[text: string, came: number]> | null = null // what came while nobody looks

  constructor(private outside: Outside) {}

  watch(watch: Watch): () => void {
    // what was said of servers out of one's reach: it counts, and says nothing
    const on = (message: Message): void => void (message.data.nothing || watch.on(spoken(message)))
    const mine: Watching = { ...watch, on, seen: { ...watch.topics }, queue: null, stale: false }
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
      for (const topic of gone) {
        delete this.latest[topic]
        delete this.sights[topic]
        this.refused.delete(topic)
      }
      if (this.opened && gone.length) this.socket?.send(JSON.stringify({ unsub: gone }))
      if (!this.watches.size) this.stop('idle')
    }
  }

  onLink(listener: (link: Link) => void): () => void {
    this.listeners.add(listener)
    listener(this.link)
    return () => this.listeners.delete(listener)
  }

  /** The page came with data that is this old, of servers that report so often. */
  dataIs(seconds: number, every = 0): void {
    this.link.every = every
    this.link.data = Math.max(this.link.data ?? Number.NEGATIVE_INFINITY, performance.now() - seconds * 1000)
    this.say(this.link.state)
  }

  /** Called when the tab is hidden or shown: a tab nobody looks at lets go of its connection after a minute. */
  visible(yes: boolean): void {
    clearTimeout(this.hidden)
    if (!yes) {
      this.held ??= []
      this.hidden = setTimeout(() => this.watches.size && this.stop('paused'), HIDDEN_MS)
      return
    }
    const { held } = this
    this.held = null
    for (const [text, came] of held ?? []) this.receive(JSON.parse(text), came)
    if (this.link.state === 'paused') this.connect()
    else if (this.link.state === 'lost') this.connect()
  }

  private topics(): string[] {
    return [...new Set([...this.watches].flatMap((watch) => Object.keys(watch.topics)))]
  }

  private say(state: LinkState): void {
    if (state !== this.link.state) this.link = { ...this.link, state, since: performance.now() }
    this.link.refused = this.refused.size > 0
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
    this.refused.clear()
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
      const text = String(event.data)
      // what is subscribed may say that less may be seen: that does not wait
      if (!this.held || text.includes('"subscribed"') || text.includes('"error"')) this.receive(JSON.parse(text))
      else if (this.held.push([text, performance.now()]) > MOST_HELD) this.held.shift() // a gap, which loads anew
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
    if (this.polling || this.held) return
    this.polling = true
    try {
      const answer = await this.outside.poll(this.topics(), this.since())
      if (!this.poller) return
      this.heard()
      this.say('polling')
      for (const message of answer.messages) this.receive(message)
      for (const topic of answer.reset) this.lag(topic)
      for (const [topic, sight] of Object.entries(answer.sight ?? {})) this.see(topic, sight)
      this.refuse(answer.unknown ?? [])
    } catch (error) {
      if (statusOf(error) === 403) this.refuse(this.topics())
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

  private receive(message: Partial<Message> & { error?: string }, came = performance.now()): void {
    const { topic, seq, data } = message
    if (topic !== undefined && message.error) this.refuse([topic])
    if (topic === undefined || seq === undefined || !data) return
    if (message.at) learn(message.at)
    this.latest[topic] = seq
    const whole = message as Message
    if (!data.subscribed) {
      this.link.data = came
      this.say(this.link.state)
    }
    for (const watch of this.watches) if (topic in watch.seen) this.give(watch, whole)
    if (data.subscribed) this.see(topic, data.sight as string | undefined)
  }

  /** The hub says by a mark how much of a topic this person may see: another one, and the page is not right. */
  private see(topic: string, sight: string | undefined): void {
    const before = this.refused.delete(topic) ? null : this.sights[topic]
    if (sight !== undefined) this.sights[topic] = sight
    if (before !== undefined && before !== sight) this.anew([topic])
    this.say(this.link.state)
  }

  private refuse(topics: string[]): void {
    const fresh = topics.filter((topic) => !this.refused.has(topic))
    for (const topic of fresh) this.refused.add(topic)
    if (fresh.length) this.anew(fresh)
    this.say(this.link.state)
  }

  private anew(topics: string[]): void {
    for (const watch of this.watches) {
      if (!topics.some((topic) => topic in watch.seen)) continue
      watch.stale = true
      void this.refetch(watch)
    }
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

  /** What may not be seen any more must not stay: the page ends, or is asked for until the hub answers. */
  private shut(watch: Watching, status: number): void {
    if (status === 403 || status === 404) {
      this.watches.clear()
      this.stop('idle')
      this.outside.gone()
    } else setTimeout(() => this.watches.has(watch) && void this.refetch(watch), AGAIN_MS)
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
    const stale = watch.stale
    watch.queue = queue
    try {
      if (stale || !watch.light || !(await this.catchUp(watch))) Object.assign(watch.seen, await watch.reload())
      watch.queue = null
    } catch (error) {
      // keep the gap open: the next message or connection tries again
      watch.queue = null
      if (watch.stale) this.shut(watch, statusOf(error))
      return
    }
    if (watch.stale) {
      if (!stale) return void this.refetch(watch) // what was loaded may be from before
      watch.stale = false
      this.outside.changed()
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
