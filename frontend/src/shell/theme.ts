// Dark or light: shown at once, kept in the profile, and by the browser until the hub has it.
import { send } from '../live/http'
import { person } from '../person'

const root = document.documentElement
const buttons = () => document.querySelectorAll<HTMLButtonElement>('[data-theme-toggle]')

function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name)
    else localStorage.setItem(name, value)
  } catch {
    // not remembered where storage is forbidden
  }
}
function unsaved(): boolean {
  try {
    return localStorage.getItem('theme-unsaved') === 'yes'
  } catch {
    return false
  }
}
function label(): void {
  for (const button of buttons()) {
    const text = root.dataset.theme === 'dark' ? button.dataset.toLight : button.dataset.toDark
    button.setAttribute('aria-label', text ?? '')
    button.title = text ?? ''
  }
  // the bar around an installed page
  const colour = getComputedStyle(root).getPropertyValue('--bg').trim()
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')) meta.content = colour
}
export function flipTheme(): void {
  const theme = root.dataset.theme === 'dark' ? 'light' : 'dark'
  root.dataset.theme = theme
  keep('theme', theme)
  label()
  if (person.here) save(theme)
}
function save(theme: string): void {
  keep('theme-unsaved', 'yes')
  send('PATCH', '/api/v1/me', { theme }).then(
    // A page asked for before this moment may still be on its way as it was. By the clock of timeOrigin, see theme.ts.
    () => keep('theme-unsaved', String(performance.timeOrigin + performance.now())),
    () => undefined, // the next page has the browser's own memory of it, and says it again
  )
}
export function themeButtons(): void {
  for (const button of buttons()) button.addEventListener('click', flipTheme)
  label()
  if (person.here && unsaved()) save(root.dataset.theme ?? '')
}
