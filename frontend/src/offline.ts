// The page without a line: the last look at the fleet, with its age, and back to the page as soon as the hub answers.
import './design/app.css'
import './design/shell.css'
import { dayTime, duration, share } from './format'
import { element } from './shell/dialog'
import { type Kept, kept, type Look, look as lookAt } from './shell/snapshot'
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
      ...[one.cpu, one.memory, one.disk].map((v) => element('td', { className: 'num dim', textContent: share(v) })),
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
type Age = 'offline.age' | 'offline.pageAge' | 'offline.alertsAge'
function aged(at: number, words: Age, more: string): HTMLElement {
  const age = element('p', { className: 'lost-bar' })
  const tell = () => {
    age.textContent = `${t(words, { age: duration(Date.now() / 1000 - at) })} ${more}`
  }
  tell()
  setInterval(tell, 1000)
  return age
}
type Open = { title: string; url: string; severity: string; owner?: string | null }
const listed = (open: Open[]): HTMLElement =>
  element(
    'ul',
    { className: 'rowlist' },
    ...open.map(({ title, url, severity, owner }) =>
      element(
        'li',
        {},
        severity === 'critical' ? pill('crit', t('severity.critical')) : pill('warn', t('severity.warn')),
        element('a', { href: url, textContent: title }),
        element('span', { className: 'mut', textContent: owner ? t('incident.acknowledgedBy', { name: owner }) : '' }),
      ),
    ),
  )
/** The inbox, or one incident, as it was when its page was open last. */
function showLook(box: HTMLElement, { at, incidents, told, todo }: Look, words: Age): void {
  const parts = [aged(at, words, t('offline.notSent'))]
  const one = told ? incidents[0] : undefined
  if (one) parts.push(element('h2', { textContent: one.title }))
  parts.push(section(tn('offline.open', incidents.length), listed(incidents)))
  if (todo) parts.push(section(t('offline.todo'), element('p', { className: 'pre pad', textContent: todo })))
  if (told?.length)
    parts.push(
      section(
        t('incident.timeline'),
        element(
          'ul',
          { className: 'rowlist' },
          ...told.map(([when, text]) =>
            element('li', {}, element('span', { className: 'num mut', textContent: dayTime(when) }), text),
          ),
        ),
      ),
    )
  box.replaceChildren(...parts)
}
function show(box: HTMLElement, seen: Kept | null): void {
  if (!seen) {
    const words = element('p', { className: 'mut', textContent: t('offline.nothing') })
    box.replaceChildren(element('div', { className: 'card empty' }, words))
    return
  }
  const parts: HTMLElement[] = [aged(seen.at, 'offline.age', t('offline.only'))]
  if (seen.incidents.length) parts.push(section(tn('offline.open', seen.incidents.length), listed(seen.incidents)))
  parts.push(section(tn('offline.count', seen.count), table(seen)))
  box.replaceChildren(...parts)
}
const box = document.querySelector<HTMLElement>('[data-snapshot]')
/** This page, else the fleet, else the alerts: whoever had no time to keep the one may hold the other. */
async function begin(box: HTMLElement): Promise<void> {
  const page = await lookAt(location.pathname)
  if (page) return showLook(box, page, 'offline.pageAge')
  const fleet = await kept()
  const alerts = fleet ? null : await lookAt('/alerts/')
  if (alerts) showLook(box, alerts, 'offline.alertsAge')
  else show(box, fleet)
}
if (box) void begin(box)

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
