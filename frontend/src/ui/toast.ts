// A word at the edge of the page about what was just done, with a way back. Plain DOM: every page can use it.
import { on } from '../keys'
import { t } from '../words'

interface Options {
  /** Takes it back; the toast then stays long enough to be reached (10 s), and `z` does the same. */
  undo?: () => unknown
  /** Another word for the button than "Undo". */
  label?: string
  tone?: 'ok' | 'crit'
}
const SHORT_MS = 5_000
const UNDO_MS = 10_000
let box: HTMLElement | null = null

function place(): HTMLElement {
  if (box?.isConnected) return box
  box = document.createElement('div')
  box.className = 'toasts'
  box.setAttribute('role', 'status')
  document.body.append(box)
  return box
}
/** Says it, and answers how to take it away again. */
export function toast(text: string, { undo, label, tone }: Options = {}): () => void {
  const one = document.createElement('div')
  one.className = `toast ${tone ?? ''}`
  one.append(Object.assign(document.createElement('span'), { textContent: text }))
  let timer: ReturnType<typeof setTimeout> | undefined
  let free = () => {}
  const close = () => {
    clearTimeout(timer)
    free()
    one.remove()
  }
  const wait = () => {
    clearTimeout(timer)
    timer = setTimeout(close, undo ? UNDO_MS : SHORT_MS)
  }
  if (undo) {
    const back = () => {
      close()
      undo()
    }
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'btn sm'
    button.textContent = label ?? t('toast.undo')
    button.addEventListener('click', back)
    one.append(button)
    free = on('z', back, t('toast.undo'))
  }
  // nobody is hurried while reading or reaching for it
  for (const stay of ['pointerenter', 'focusin']) one.addEventListener(stay, () => clearTimeout(timer))
  for (const leave of ['pointerleave', 'focusout']) one.addEventListener(leave, wait)
  place().append(one)
  wait()
  return close
}
