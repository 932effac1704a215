// "Add server": asks how far the machine has come, and turns into the live server the moment it reports.
import { share } from './format'
import { getJson } from './live/http'
import { element } from './shell/dialog'
import type { Server } from './types'
import { t } from './words'

const CAUSES_MS = 60_000
const EVERY_MS = 2_000
const LIVE_MS = 5_000

interface Cause {
  title: string
  text: string
  test: string
  seen: boolean
}
interface Progress {
  state: 'waiting' | 'enrolled' | 'reporting' | 'over'
  servers: Server[]
  causes: Cause[]
}
/** What is known to be wrong is said at once; guesses wait for their minute. */
export const shownCauses = (causes: Cause[], waitedMs: number): Cause[] =>
  waitedMs >= CAUSES_MS ? causes : causes.filter((cause) => cause.seen)

function causeBox({ title, text, test, seen }: Cause): HTMLElement {
  const box = element('li', { className: seen ? 'cause seen' : 'cause' })
  box.append(element('strong', { textContent: title }), element('span', { textContent: text }))
  if (test) {
    const label = element('span', { className: 'mut', textContent: t('waiting.test') })
    box.append(element('span', {}, label, ' ', element('code', { textContent: test })))
  }
  return box
}
const reading = (name: string, value: number | null) =>
  element(
    'div',
    {},
    element('dt', { textContent: name }),
    element('dd', { className: 'num', textContent: share(value) }),
  )

function born({ name, os, url, cpu, memory, disk }: Server): Node[] {
  const readings = [
    reading(t('metric.cpu'), cpu),
    reading(t('metric.memory'), memory),
    reading(t('metric.diskFull'), disk),
  ]
  const link = element('a', { className: 'btn pri', href: url, textContent: t('waiting.open', { name }) })
  return [
    element('h3', { textContent: t('waiting.reports', { name }) }),
    element('p', { className: 'mut', textContent: os }),
    element('dl', {}, ...readings),
    element('p', { className: 'links' }, link),
  ]
}
export function waitForServer(box: HTMLElement): void {
  const part = (name: string) => box.querySelector<HTMLElement>(`[data-${name}]`)
  const began = performance.now()
  let told = ''
  const show = ({ state, servers, causes }: Progress) => {
    const server = servers[0]
    const [still, here, list] = [part('still'), part('here'), part('causes')]
    for (const one of ['waiting', 'enrolled', 'over']) {
      const text = part(one)
      if (text) text.hidden = one !== state
    }
    if (still) still.hidden = Boolean(server)
    if (here && server) {
      here.hidden = false
      here.replaceChildren(...born(server))
    }
    const shown = server ? [] : shownCauses(causes, performance.now() - began)
    const text = JSON.stringify(shown.map(({ title, test }) => [title, test]))
    if (list && text !== told) {
      list.hidden = !shown.length
      const place = list.querySelector('ul') ?? list.appendChild(element('ul'))
      place.replaceChildren(...shown.map(causeBox))
      told = text
    }
  }
  const look = async () => {
    let next = EVERY_MS
    try {
      const found = await getJson<Progress>(box.dataset.waiting ?? '')
      show(found)
      if (found.state === 'over') return
      if (found.state === 'reporting') next = LIVE_MS
    } catch {
      // the bar above says that the line is lost; we go on asking
    }
    setTimeout(() => void look(), document.hidden ? 4 * next : next)
  }
  void look()
}
