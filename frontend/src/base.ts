// What every page has, islands or not: theme, keys, palette, live badge, lost line, copy buttons, times, the worker.
import './design/account.css'
import './design/app.css'
import './design/people.css'
import './design/shell.css'
import { whileSeen } from './awake'
import { duration } from './format'
import { on } from './keys'
import { live } from './live'
import type { Link } from './live/client'
import { person } from './person'
import { flipTheme, themeButtons } from './shell/theme'
import { keepTimes } from './shell/times'
import { known, t } from './words'

const all = <E extends HTMLElement>(selector: string) => document.querySelectorAll<E>(selector)
const root = document.documentElement

themeButtons()
keepTimes()
if (!person.zone) {
  // the hub tells times in the browser's zone, where the person chose none
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  // biome-ignore lint/suspicious/noDocumentCookie: one plain value; the cookie store is not everywhere
  document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`
}

// What is opened by a key comes when it is first asked for.
const palette = () => void import('./shell/palette').then(({ open }) => open())
const help = () => void import('./shell/help').then(({ open }) => open())
const finds = all<HTMLAnchorElement>('[data-palette]')
if (finds.length && known('keys.help')) {
  for (const link of finds)
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return
      event.preventDefault()
      palette()
    })
  const mac = /Mac|iP(hone|ad|od)/.test(navigator.platform)
  for (const mark of all('[data-mod]')) mark.textContent = mac ? '⌘K' : 'Ctrl K'
  on('mod+k', palette, t('keys.palette'))
  on('?', help, t('keys.help'))
  on('t', flipTheme, t('keys.theme'))
  const filter = () => document.querySelector<HTMLInputElement>('main input[type=search]')
  on('/', () => (filter() ? filter()?.focus() : palette()), t('keys.filter'))
  // g and a letter: the pages that the navigation offers, and no others
  const letters: Record<string, string> = {
    f: '/',
    a: '/alerts/',
    o: '/on-call/',
    r: '/rules/',
    s: '/silences/',
    c: '/channels/',
    d: '/record/',
    t: '/teams/',
    n: '/servers/add/',
    e: '/settings/',
    m: '/me/',
  }
  for (const [letter, url] of Object.entries(letters)) {
    const link = document.querySelector<HTMLAnchorElement>(`.side a.nav[href="${url}"]`)
    const name = link?.querySelector('[data-name]') ?? link
    const label = [...(name?.childNodes ?? [])].map((node) => (node.nodeType === 3 ? node.textContent : '')).join('')
    if (link) on(`g ${letter}`, () => location.assign(url), t('keys.go', { page: label.trim() || t('page.profile') }))
  }
}
for (const button of all('[data-keys]')) button.addEventListener('click', help)

/** Three reports that did not come; where the page shows no servers, a minute. */
const quietAfter = (every: number): number => (every ? Math.max(10, 3 * every) * 1000 : 60_000)
/** The badge's word and age. Silence of the line or of the data is said, never hidden behind a green dot. */
function badge(link: Link, data: number | null): { tone: string; text: string; age: string } {
  const age = (from: number) => duration((performance.now() - from) / 1000)
  if (!navigator.onLine && link.state !== 'idle')
    return { tone: 'off', text: t('link.offline'), age: data ? age(data) : '' }
  if (link.state === 'lost')
    return { tone: 'crit', text: t('link.lost', { age: age(link.contact ?? link.since) }), age: '' }
  if (link.state === 'polling') return { tone: 'warn', text: t('link.polling'), age: data ? age(data) : '' }
  if (link.state !== 'live') return { tone: 'off', text: t(`link.${link.state}`), age: '' }
  if (link.refused) return { tone: 'warn', text: t('link.refused'), age: '' }
  if (data && performance.now() - data > quietAfter(link.every))
    return { tone: 'warn', text: t('link.quiet', { age: age(data) }), age: '' }
  return { tone: 'ok', text: t('link.live'), age: data ? age(data) : '' }
}
for (const box of all('[data-live]')) {
  const [text, age, spoken] = ['text', 'age', 'say'].map((part) =>
    box.querySelector<HTMLElement>(`[data-live-${part}]`),
  )
  let link: Link | null = null
  const show = () => {
    if (!link) return
    const now = badge(link, box.dataset.live === 'contact' ? link.contact : link.data)
    box.className = `live ${now.tone}`
    if (text) text.textContent = now.text
    if (age) age.textContent = now.age ? `· ${now.age}` : ''
  }
  live.onLink((next) => {
    const changed = next.state !== link?.state
    link = next
    root.dataset.link = next.state
    box.hidden = next.state === 'idle'
    show()
    // spoken only when the state changes: a ticking age would talk without end
    if (changed && spoken && next.state !== 'idle') spoken.textContent = text?.textContent ?? ''
  })
  whileSeen(show, 1000)
  for (const event of ['online', 'offline'])
    addEventListener(event, () => {
      show()
      if (spoken && link && link.state !== 'idle') spoken.textContent = text?.textContent ?? ''
    })
}

// A lost line is said across the page, with its age, once it has lasted; values turn grey by `data-link`.
const LOST_MS = 3000
for (const bar of all('[data-lost]')) {
  const text = bar.querySelector<HTMLElement>('[data-lost-text]')
  let gone = false
  let link: Link | null = null
  let left = performance.now() // when the device lost its line, as far as this page knows
  const show = () => {
    const lost = link?.state === 'lost' && performance.now() - link.since > LOST_MS
    gone = lost || !navigator.onLine
    bar.hidden = !gone
    if (!gone || !text) return
    const from = navigator.onLine ? (link ? (link.contact ?? link.since) : 0) : left
    const age = duration((performance.now() - from) / 1000)
    text.textContent = t(navigator.onLine ? 'lost.bar' : 'lost.offline', { age })
  }
  live.onLink((next) => {
    link = next
    show()
  })
  whileSeen(show, 1000)
  for (const event of ['online', 'offline'])
    addEventListener(event, () => {
      left = performance.now()
      show()
      if (navigator.onLine) live.visible(true)
    })
  bar.querySelector('[data-lost-again]')?.addEventListener('click', () => live.visible(true))
}

if (document.querySelector('[data-print], [data-copy]')) void import('./shell/copy')
const switches = all<HTMLButtonElement>('[data-switch]')
if (switches.length) void import('./switches').then(({ flip }) => switches.forEach(flip))

const waiting = document.querySelector<HTMLElement>('li[data-waiting]')
if (waiting) void import('./waiting').then(({ waitForServer }) => waitForServer(waiting))
const tabs = all('[data-tabs]')
if (tabs.length) void import('./shell/tabs').then(({ tabbed }) => tabs.forEach(tabbed))

const count = document.querySelector<HTMLElement>('[data-open-alerts]')
if (count) void import('./openAlerts').then(({ followAlerts }) => followAlerts(count))
if ('serviceWorker' in navigator) void import('./shell/worker').then(({ settle }) => settle())
