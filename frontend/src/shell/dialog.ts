// A modal of the shell: the browser's own dialog, closed by Esc, by its button and by a press beside it.
import { t } from '../words'

export function modal(name: string, title: string): HTMLDialogElement {
  const box = document.createElement('dialog')
  box.className = name
  box.setAttribute('aria-label', title)
  box.addEventListener('click', (event) => {
    if (event.target === box) shut(box)
  })
  box.addEventListener('close', () => box.remove())
  document.body.append(box)
  return box
}
/** At once and wholly: a field in a closed box keeps the focus, and swallows the next key, until the page is drawn. */
export function shut(box: HTMLDialogElement): void {
  box.close()
  box.remove()
}
export function closing(box: HTMLDialogElement): HTMLButtonElement {
  const button = element('button', { type: 'button', className: 'btn ghost sm', textContent: t('find.close') })
  button.addEventListener('click', () => shut(box))
  return button
}
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  fields: Partial<HTMLElementTagNameMap[K]> = {},
  ...inner: Array<Node | string>
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), fields)
  made.append(...inner)
  return made
}
