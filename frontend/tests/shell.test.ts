import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { bound, on } from '../src/keys'
import { person } from '../src/person'
import { toast } from '../src/ui/toast'
import { setWords } from '../src/words'
import english from '../src/words/en.json'

beforeEach(() => {
  setWords(english)
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  document.body.replaceChildren()
  person.keys = true
})
function press(key: string, more: KeyboardEventInit = {}, target: Element = document.body): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }))
}

it('a key does what was bound last, and no more once it is let go', () => {
  const [first, second] = [vi.fn(), vi.fn()]
  const [one, two] = [on('j', first, 'One'), on('j', second, 'Two')]
  press('j')
  two()
  press('j')
  one()
  press('j')
  expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1])
})
it('two keys in a row lead somewhere, unless the second comes late', () => {
  const go = vi.fn()
  const off = on('g f', go, 'Fleet')
  press('g')
  press('f')
  press('g')
  vi.advanceTimersByTime(2000)
  press('f')
  expect(go).toHaveBeenCalledTimes(1)
  off()
})
it('keys are letters where one writes, and under a dialog nobody hears them', () => {
  const act = vi.fn()
  const off = on('a', act, 'Act')
  const input = document.body.appendChild(document.createElement('input'))
  press('a', {}, input)
  const dialog = document.body.appendChild(document.createElement('dialog'))
  dialog.setAttribute('open', '')
  press('a')
  expect(act).not.toHaveBeenCalled()
  dialog.remove()
  press('a')
  expect(act).toHaveBeenCalledTimes(1)
  off()
})
it('the key after Escape in the palette belongs to the page again', async () => {
  const act = vi.fn()
  const off = on('x', act, 'Act')
  vi.stubGlobal('fetch', () => new Promise(() => undefined))
  const dialog = HTMLDialogElement.prototype
  dialog.showModal = dialog.show = function () {
    this.setAttribute('open', '')
  }
  dialog.close = function () {
    this.removeAttribute('open')
  }
  const { open } = await import('../src/shell/palette')
  open()
  const field = document.activeElement as HTMLElement
  expect(field.tagName).toBe('INPUT')
  press('x', {}, field)
  expect(act).not.toHaveBeenCalled()
  press('Escape', {}, field)
  press('x', {}, document.activeElement ?? document.body)
  expect(act).toHaveBeenCalledTimes(1)
  off()
  vi.unstubAllGlobals()
})
it('who switched keys of one letter off keeps those with Ctrl', () => {
  const [single, both] = [vi.fn(), vi.fn()]
  const offs = [on('x', single, 'Select'), on('mod+x', both, 'Both')]
  person.keys = false
  press('x')
  press('x', { ctrlKey: true })
  expect([single.mock.calls.length, both.mock.calls.length]).toEqual([0, 1])
  for (const off of offs) off()
})
it('space and Enter on a button belong to the button', () => {
  const act = vi.fn()
  const off = on('space', act, 'Pause')
  press(' ', {}, document.body.appendChild(document.createElement('button')))
  expect(act).not.toHaveBeenCalled()
  press(' ')
  expect(act).toHaveBeenCalled()
  off()
})
it('a toast is spoken, goes by itself, and waits for whoever may undo', () => {
  const undo = vi.fn()
  toast('Saved')
  toast('Taken', { undo })
  const box = document.querySelector('[role=status]')
  expect(box?.textContent).toBe('SavedTakenUndo')
  vi.advanceTimersByTime(6000)
  expect(box?.textContent).toBe('TakenUndo')
  press('z')
  expect(undo).toHaveBeenCalledTimes(1)
  expect(box?.textContent).toBe('')
  expect(bound().some((one) => one.keys === 'z')).toBe(false)
})
