// What every page has, islands or not: theme button, live badge, copy buttons, and waiting for a new server.
import './design/app.css'
import { duration } from './format'
import { live } from './live'
import type { Link } from './live/client'
import { followAlerts } from './openAlerts'
import { waitForServer } from './waiting'
import { t } from './words'

const all = <E extends HTMLElement>(selector: string) => document.querySelectorAll<E>(selector)
const root = document.documentElement

for (const button of all<HTMLButtonElement>('[data-theme-toggle]')) {
  const label = () => {
    const text = root.dataset.theme === 'dark' ? button.dataset.toLight : button.dataset.toDark
    button.setAttribute('aria-label', text ?? '')
    button.title = text ?? ''
  }
  button.addEventListener('click', () => {
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark'
    try {
      localStorage.setItem('theme', root.dataset.theme)
    } catch {
      // not remembered where storage is forbidden
    }
    label()
  })
  label()
}

/** The badge's word and age. Silence of the line or of the data is said, never hidden behind a green dot. */
function badge(link: Link, data: number | null): { tone: string; text: string; age: string } {
  const age = (from: number) => duration((performance.now() - from) / 1000)
  if (link.state === 'lost')
    return { tone: 'crit', text: t('link.lost', { age: age(link.contact ?? link.since) }), age: '' }
  if (link.state === 'polling') return { tone: 'warn', text: t('link.polling'), age: data ? age(data) : '' }
  if (link.state !== 'live') return { tone: 'off', text: t(`link.${link.state}`), age: '' }
  if (data && performance.now() - data > 60_000)
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
  setInterval(show, 1000)
}

for (const button of all<HTMLButtonElement>('[data-copy]')) {
  const before = button.textContent ?? ''
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy ?? '')
    if (!source) return
    const done = await copy(source)
    button.textContent = (done ? button.dataset.done : button.dataset.failed) ?? before
    setTimeout(() => {
      button.textContent = before
    }, 2500)
  })
}
async function copy(source: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(source.textContent?.trim() ?? '')
    return true
  } catch {
    // plain http beyond loopback has no clipboard: mark the text, so that the keys copy it
    getSelection()?.selectAllChildren(source)
    return false
  }
}

const switches = all<HTMLButtonElement>('[data-switch]')
if (switches.length) void import('./switches').then(({ flip }) => switches.forEach(flip))

const waiting = document.querySelector<HTMLElement>('[data-waiting]')
if (waiting) void waitForServer(waiting)

const count = document.querySelector<HTMLElement>('[data-open-alerts]')
if (count) followAlerts(count)
