// The keyboard map: what the keys of this very page do.
import './palette.css'
import { bound } from '../keys'
import { person } from '../person'
import { t } from '../words'
import { closing, element, modal } from './dialog'

const SIGNS: Record<string, string> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  space: '␣',
  Enter: '↵',
}
const mac = /Mac|iP(hone|ad|od)/.test(navigator.platform)
function sign(key: string): Node[] {
  if (key.startsWith('mod+'))
    return [
      element('kbd', { textContent: mac ? '⌘' : 'Ctrl' }),
      element('kbd', { textContent: key.slice(4).toUpperCase() }),
    ]
  if (key === 'shift+ArrowLeft')
    return [
      element('kbd', { textContent: '⇧' }),
      element('kbd', { textContent: '←' }),
      element('kbd', { textContent: '→' }),
    ]
  return [element('kbd', { textContent: SIGNS[key] ?? key })]
}
export function open(): void {
  if (document.querySelector('dialog.keymap')) return
  const box = modal('keymap', t('keys.title'))
  const list = element('dl')
  for (const { keys, label } of bound()) {
    const [one, two] = keys.split(' ')
    const signs = two ? [...sign(one ?? ''), ` ${t('keys.then')} `, ...sign(two)] : sign(keys)
    const row = element('div', {}, element('dt', {}, ...signs), element('dd', { textContent: label }))
    if (!person.keys && !keys.startsWith('mod+')) row.className = 'still'
    list.append(row)
  }
  const foot = element('p', { className: 'mut', textContent: t(person.keys ? 'keys.lede' : 'keys.off') })
  foot.append(' ', element('a', { href: '/me/', textContent: t('keys.profile') }))
  box.append(element('header', {}, element('h2', { textContent: t('keys.title') }), closing(box)), list, foot)
  box.showModal()
}
