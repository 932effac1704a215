// The number beside "Alerts": it follows the hub, whatever the page shows.
import { roots } from './incidents'
import { live } from './live'
import { getJson } from './live/http'
import type { AlertsProps, Incident, Props, Seqs } from './types'

/** What the alerts page's data holds at most: beyond it, the hub's own count is the better one. */
const HELD = 200

/** Where the page's own data stands; a page without data begins at nothing and so asks once. */
function sequence(): number {
  const text = document.querySelector('script[id^="island-"]')?.textContent
  return text ? ((JSON.parse(text) as Props).seq.incidents ?? 0) : 0
}
/** Counts open incidents that no other explains; until they are known, the hub's number stands. */
export class OpenAlerts {
  private held: Map<string, Incident> | null = null
  private base = 0
  constructor(public shown: number) {}
  get known(): boolean {
    return this.held !== null
  }
  learn(incidents: Incident[]): void {
    this.held = new Map(incidents.filter((one) => one.state !== 'resolved').map((one) => [one.id, one]))
    const count = roots(this.held.values()).length
    this.base = this.held.size < HELD ? 0 : Math.max(0, this.shown - count)
    this.shown = this.base + count
  }
  change(incident: Incident): void {
    if (!this.held) return
    if (incident.state === 'resolved') this.held.delete(incident.id)
    else this.held.set(incident.id, incident)
    this.shown = this.base + roots(this.held.values()).length
  }
}
export function followAlerts(box: HTMLElement): void {
  const number = box.querySelector<HTMLElement>('[data-number]')
  const open = new OpenAlerts(Number(number?.textContent) || 0)
  const show = () => {
    if (number) number.textContent = String(open.shown)
    box.hidden = open.shown === 0
  }
  let asking: Promise<Seqs> | null = null
  let missed: Incident[] = []
  const load = async (): Promise<Seqs> => {
    const page = await getJson<AlertsProps>('/alerts/')
    open.learn(page.incidents)
    for (const incident of missed) open.change(incident)
    missed = []
    show()
    return page.seq
  }
  const reload = (): Promise<Seqs> => {
    asking ??= load().finally(() => {
      asking = null
    })
    return asking
  }
  live.watch({
    topics: { incidents: sequence() },
    on: ({ data }) => {
      const incident = data.incident as Incident
      if (asking || !open.known) {
        // which ones are open is asked only when the first one changes
        missed.push(incident)
        reload().catch(() => undefined)
        return
      }
      open.change(incident)
      show()
    },
    reload,
  })
}
