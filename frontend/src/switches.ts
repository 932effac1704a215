// Switches of a list, such as whether a rule is on: pressed, asked of the hub, shown as the hub has it.
import { send } from './live/http'

const say = (text: string) => document.querySelector('[data-switch-say]')?.replaceChildren(text)

export function flip(button: HTMLButtonElement): void {
  const show = (on: boolean) => {
    button.setAttribute('aria-checked', String(on))
    button.closest('.thing')?.classList.toggle('still', !on)
  }
  button.addEventListener('click', async () => {
    const on = button.getAttribute('aria-checked') !== 'true'
    button.disabled = true
    show(on)
    try {
      await send('PATCH', button.dataset.switch ?? '', { enabled: on })
      say('')
    } catch (error) {
      show(!on)
      say(error instanceof Error ? error.message : '')
    }
    button.disabled = false
    button.focus()
  })
}
