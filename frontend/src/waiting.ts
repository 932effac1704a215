// "Add server": waits for a machine that was not there before, and leads to it the moment it reports.
import { live } from './live'
import { getJson } from './live/http'
import type { FleetProps, Server } from './types'

export const CAUSES_MS = 60_000

/** Servers that report and did not when the page was opened. */
export const arrived = (servers: Server[], known: ReadonlySet<string>): Server[] =>
  servers.filter((server) => !known.has(server.id) && server.seen !== null)

export async function waitForServer(box: HTMLElement): Promise<void> {
  const page = () => getJson<FleetProps>('/')
  const part = (name: string) => box.querySelector<HTMLElement>(`[data-${name}]`)
  setTimeout(() => {
    const causes = part('causes')
    if (causes && box.dataset.waiting !== 'done') causes.hidden = false
  }, CAUSES_MS)

  const show = (server: Server) => {
    box.dataset.waiting = 'done'
    const [still, here, link] = [part('still'), part('here'), part('link') as HTMLAnchorElement | null]
    const causes = part('causes')
    if (causes) causes.hidden = true
    if (still) still.hidden = true
    if (here) here.hidden = false
    if (link) {
      link.href = server.url
      link.querySelector('[data-name]')?.replaceChildren(server.name)
    }
  }
  const first = await page().catch(() => null)
  const known = new Set(first?.servers.filter((server) => server.seen !== null).map((server) => server.id))
  const look = (servers: Server[]) => {
    const server = arrived(servers, known)[0]
    if (server && box.dataset.waiting !== 'done') show(server)
  }
  live.watch({
    topics: { fleet: first?.seq.fleet ?? 0 },
    on: (message) => look((message.data.servers as Server[] | undefined) ?? []),
    reload: async () => {
      const again = await page()
      look(again.servers)
      return again.seq
    },
  })
}
