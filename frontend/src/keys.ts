// The keyboard of the whole product. A page says what a key does and how that is called; `?` shows all of it.
// Keys: 'j', '?', 'Enter', 'space', 'mod+k' (Ctrl, or Cmd on a Mac), or two in a row: 'g f'.
import { person } from './person'

interface Binding {
  keys: string
  label: string
  act: (event: KeyboardEvent) => void
}
const SECOND_MS = 1500
const bindings: Binding[] = []
let first = ''
let forget: ReturnType<typeof setTimeout> | undefined

/** Bind a key until the answer is called. Who binds last is asked first, so a page may take a key for itself. */
export function on(keys: string, act: Binding['act'], label: string): () => void {
  const mine = { keys, label, act }
  bindings.push(mine)
  return () => {
    const at = bindings.indexOf(mine)
    if (at >= 0) bindings.splice(at, 1)
  }
}
/** What keys do on this page, each once. */
export const bound = (): Binding[] => [...new Map(bindings.map((one) => [one.keys, one])).values()]

const TYPING =
  'input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]'
const PRESSED = 'button, a[href], summary, [role=button], input'
const named = (event: KeyboardEvent) => (event.key === ' ' ? 'space' : event.key)

/** The name under which a press is looked up; empty where it belongs to somebody else. */
function press(event: KeyboardEvent): string {
  const key = named(event)
  if (event.altKey || (key.length > 1 && key !== 'space' && event.shiftKey)) return ''
  if (event.ctrlKey || event.metaKey) return `mod+${key.toLowerCase()}`
  const target = event.target instanceof Element ? event.target : document.body
  if (target.closest(TYPING) || document.querySelector('dialog[open]')) return ''
  if ((key === 'space' || key === 'Enter') && target.closest(PRESSED)) return ''
  // one character alone may come from a voice or a cat: whoever wants can switch these off (WCAG 2.1.4)
  return (key.length === 1 || key === 'space') && !person.keys ? '' : key
}
function find(keys: string): Binding | undefined {
  return bindings.findLast((one) => one.keys === keys)
}
export function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return
  const key = press(event)
  if (!key) return
  const second = first && find(`${first} ${key}`)
  first = ''
  clearTimeout(forget)
  const found = second || find(key)
  if (found) {
    event.preventDefault()
    found.act(event)
  } else if (bindings.some((one) => one.keys.startsWith(`${key} `))) {
    first = key
    forget = setTimeout(() => {
      first = ''
    }, SECOND_MS)
  }
}
document.addEventListener('keydown', pressed)
