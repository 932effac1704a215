// The palette: a few letters lead to a server, an incident, a rule, a page or an act, by keys or by touch.
import './palette.css'
import { bound } from '../keys'
import { getJson } from '../live/http'
import { t, tn } from '../words'
import { closing, element, modal, shut } from './dialog'

interface Found {
  kind: 'server' | 'check' | 'incident' | 'rule' | 'page' | 'act'
  name: string
  hint: string
  url: string
  tone?: string
  act?: () => void
}
const WAIT_MS = 120
const ACTS = /^mod\+k$|^\?$|^[^ ]$/

const fits = (name: string, words: string[]) => words.every((word) => name.toLocaleLowerCase().includes(word))
/** What the page's keys do, said by name: nobody has to know a key to use it. */
function acts(words: string[]): Found[] {
  if (!words.length) return []
  return bound()
    .filter(({ keys, label }) => ACTS.test(keys) && keys !== 'mod+k' && keys !== '/' && fits(label, words))
    .map(({ keys, label, act }) => ({
      kind: 'act',
      name: label,
      hint: keys,
      url: '',
      act: () => act(new KeyboardEvent('keydown', { key: keys })),
    }))
}
let number = 0

class Palette {
  box = modal('palette', t('find.label'))
  input = element('input', { type: 'search', className: 'inp', autocomplete: 'off', spellcheck: false, maxLength: 100 })
  list = element('ul', { id: 'found' })
  say = element('p', { className: 'sr' })
  note = element('p', { className: 'mut pad', hidden: true })
  found: Found[] = []
  at = 0
  asked: AbortController | null = null
  timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    const { input, list, say, box, note } = this
    input.placeholder = t('find.hint')
    const roles = { role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'found', 'aria-autocomplete': 'list' }
    for (const [name, value] of Object.entries({ ...roles, 'aria-label': t('find.label') }))
      input.setAttribute(name, value)
    list.setAttribute('role', 'listbox')
    list.setAttribute('aria-label', t('find.label'))
    say.setAttribute('role', 'status')
    input.addEventListener('input', () => {
      clearTimeout(this.timer)
      this.timer = setTimeout(() => void this.ask(), WAIT_MS)
    })
    input.addEventListener('keydown', (event) => this.key(event))
    box.append(element('header', {}, input, closing(box)), list, note, say)
    box.addEventListener('close', () => this.asked?.abort())
    box.showModal()
    input.focus()
    void this.ask()
  }
  key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step && this.found.length) {
      event.preventDefault()
      this.mark((this.at + step + this.found.length) % this.found.length)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      this.take(this.found[this.at], event.ctrlKey || event.metaKey)
    } else if (event.key === 'Escape') {
      // else a search field takes the first press to empty itself
      event.preventDefault()
      shut(this.box)
    } else if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      shut(this.box)
    }
  }
  async ask(): Promise<void> {
    const text = this.input.value.trim()
    const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean)
    this.asked?.abort()
    this.asked = new AbortController()
    const mine = ++number
    try {
      const answer = await getJson<{ found: Found[]; more: boolean }>(
        `/api/v1/search?q=${encodeURIComponent(text)}`,
        this.asked.signal,
      )
      if (mine === number) this.show([...answer.found, ...acts(words)], text, answer.more ? t('find.more') : '')
    } catch (error) {
      if (mine !== number || !this.box.open) return
      const why = error instanceof Error ? error.message : ''
      this.show(acts(words), text, t('find.failed', { why }))
    }
  }
  show(found: Found[], text: string, note: string): void {
    // what was asked for by name comes before the pages; without a name, pages are what is left
    const order = ['server', 'check', 'incident', 'rule', 'page', 'act']
    this.found = text ? found.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)) : found
    this.list.replaceChildren(...this.found.map((one, i) => this.row(one, i)))
    this.note.textContent = note || (this.found.length ? '' : t('find.none', { q: text }))
    this.note.hidden = !this.note.textContent
    this.say.textContent = this.found.length ? tn('find.count', this.found.length) : this.note.textContent
    this.mark(0)
  }
  row(one: Found, i: number): HTMLElement {
    const row = element('li', { id: `found-${i}` })
    row.setAttribute('role', 'option')
    row.append(
      element('span', { className: `kind ${one.tone ?? ''}`, textContent: t(`find.${one.kind}`) }),
      element('span', { className: 'name', textContent: one.name }),
      element('span', { className: 'mut', textContent: one.hint }),
    )
    row.addEventListener('pointermove', () => this.mark(i))
    row.addEventListener('click', (event) => this.take(one, event.ctrlKey || event.metaKey))
    return row
  }
  mark(at: number): void {
    this.at = at
    for (const [i, row] of [...this.list.children].entries()) row.setAttribute('aria-selected', String(i === at))
    const row = this.list.children[at]
    if (!row) {
      this.input.removeAttribute('aria-activedescendant')
      return
    }
    this.input.setAttribute('aria-activedescendant', row.id)
    row.scrollIntoView({ block: 'nearest' })
  }
  take(one: Found | undefined, apart: boolean): void {
    if (!one) return
    shut(this.box)
    if (one.act) one.act()
    else if (apart) window.open(one.url, '_blank', 'noopener')
    else location.assign(one.url)
  }
}
export function open(): void {
  if (!document.querySelector('dialog[open]')) new Palette()
}
