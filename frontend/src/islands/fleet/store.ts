// The fleet beside React: messages change servers in place, whoever draws asks for what changed since it last looked.
import type { FleetProps, Incident, Message, Server } from '../../types'
import { withIncident } from '../page'
import { type Delta, keyOf, numbers, unpack } from './packed'

export class Fleet {
  servers: Server[] = []
  incidents: Incident[] = []
  acts: string[] = []
  manages: string[] = []
  reports: string[] = []
  ahead: FleetProps['ahead']
  /** Grows with every message. */
  version = 0
  /** Grows when servers come, go, or become another thing: what is laid out by them is laid out anew. */
  shape = 0
  /** Grows when the page's data was loaded anew. */
  loads = 0
  private places = new Map<string, number>()
  private listeners = new Set<() => void>()
  private painters = new Set<(changed: Iterable<Server>) => void>()

  constructor(props: FleetProps) {
    this.load(props)
  }
  load(props: FleetProps): void {
    this.servers = unpack(props.fleet)
    this.incidents = props.incidents
    this.acts = props.acts ?? []
    this.manages = props.manages ?? []
    this.reports = props.reports ?? []
    this.ahead = props.ahead
    this.loads++
    this.index()
    this.said(this.servers)
  }
  get(id: string): Server | undefined {
    const at = this.places.get(keyOf(id))
    return at === undefined ? undefined : this.servers[at]
  }
  /** Takes a message in; false when it speaks of a server that is not known here. */
  fold({ topic, data }: Message): boolean {
    if (topic === 'incidents') {
      if (!data.incident) return true // one that this person may not see
      const incidents = withIncident(this.incidents, data.incident as Incident)
      this.incidents = incidents.filter((incident) => incident.state !== 'resolved')
      this.said([])
      return true
    }
    const { base = 0, rows = [], servers = [], removed = [] } = data as Delta
    const changed: Server[] = []
    let whole = true
    for (const row of rows) {
      const at = this.places.get(row[0] as string)
      const before = at === undefined ? undefined : this.servers[at]
      if (at === undefined || !before) {
        whole = false
        continue
      }
      const next = { ...before, waiting: false, ...numbers(row, 1, base) }
      this.servers[at] = next
      changed.push(next)
    }
    if (servers.length || removed.length) {
      this.whole(servers, new Set(removed))
      changed.push(...servers)
    }
    this.said(changed)
    return whole
  }
  private whole(servers: Server[], removed: ReadonlySet<string>): void {
    const list = [...this.servers]
    for (const server of servers) {
      const at = this.places.get(keyOf(server.id))
      if (at === undefined) list.push(server)
      else list[at] = server
    }
    this.servers = removed.size ? list.filter((server) => !removed.has(server.id)) : list
    this.index()
  }
  private index(): void {
    this.places = new Map(this.servers.map((server, at) => [keyOf(server.id), at]))
    this.shape++
  }
  private said(changed: Iterable<Server>): void {
    this.version++
    for (const listener of this.listeners) listener()
    for (const paint of this.painters) paint(changed)
  }
  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
  /** Told which servers changed, so that only their cells are drawn. */
  watch(paint: (changed: Iterable<Server>) => void): () => void {
    this.painters.add(paint)
    return () => this.painters.delete(paint)
  }
}
