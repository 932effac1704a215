// The page without a line: the last look at the fleet, with its age, and back to the page as soon as the hub answers.
import './design/app.css'
import './design/shell.css'
import { duration, percent } from './format'
import { element } from './shell/dialog'
import { type Kept, kept } from './shell/snapshot'
import { t, tn } from './words'

const EVERY_MS = 5000
const pill = (tone: string, word: string) => {
  const shape = element('i', { className: 'shape' })
  shape.setAttribute('aria-hidden', 'true')
  return element('span', { className: `pill ${tone}` }, shape, word)
}
function table(seen: Kept): HTMLElement {
  const head = ['offline.server', 'offline.state', 'metric.cpu', 'metric.memory', 'metric.disk'] as const
  const rows = seen.servers.map((one) =>
    element(
      'tr',
      {},
      element('td', { textContent: one.name }),
      element('td', {}, pill(one.tone, one.word)),
      ...[one.cpu, one.memory, one.disk].map((v) => element('td', { className: 'num dim', textContent: percent(v) })),
    ),
  )
  const names = element('tr', {}, ...head.map((key) => element('th', { scope: 'col', textContent: t(key) })))
  const list = element('table', { className: 'grid' }, element('thead', {}, names), element('tbody', {}, ...rows))
  const scroll = element('div', { className: 'scroll', tabIndex: 0 }, list)
  scroll.setAttribute('role', 'region')
  scroll.setAttribute('aria-label', t('offline.servers'))
  return scroll
}
function section(title: string, ...inner: HTMLElement[]): HTMLElement {
  return element(
    'section',
    { className: 'card' },
    element('header', {}, element('h2', { textContent: title })),
    ...inner,
  )
}
function show(box: HTMLElement, seen: Kept | null): void {
  if (!seen) {
    const words = element('p', { className: 'mut', textContent: t('offline.nothing') })
    box.replaceChildren(element('div', { className: 'card empty' }, words))
    return
  }
  const age = element('p', { className: 'lost-bar' })
  const tell = () => {
    age.textContent = `${t('offline.age', { age: duration(Date.now() / 1000 - seen.at) })} ${t('offline.only')}`
  }
  tell()
  setInterval(tell, 1000)
  const open = seen.incidents.map((one) =>
    element(
      'li',
      {},
      pill(
        one.severity === 'critical' ? 'crit' : 'warn',
        t(one.severity === 'critical' ? 'severity.critical' : 'severity.warn'),
      ),
      element('span', { textContent: one.title }),
    ),
  )
  const parts: HTMLElement[] = [age]
  if (open.length)
    parts.push(section(tn('offline.open', open.length), element('ul', { className: 'rowlist' }, ...open)))
  parts.push(section(tn('offline.count', seen.count), table(seen)))
  box.replaceChildren(...parts)
}
const box = document.querySelector<HTMLElement>('[data-snapshot]')
if (box) void kept().then((seen) => show(box, seen))

/** Back by itself: a page that was wanted is shown once the hub answers. */
async function look(): Promise<void> {
  try {
    if ((await fetch('/healthz', { cache: 'no-store' })).ok && location.pathname !== '/offline/') location.reload()
  } catch {
    // still away
  }
}
setInterval(() => void look(), EVERY_MS)
addEventListener('online', () => void look())
