// What is said when somebody may see less, or more, than a moment ago.
import { toast } from '../ui/toast'
import { t } from '../words'

let silence = 0
/** Once for all the parts of a page that were loaded anew. */
export function changed(): void {
  if (performance.now() < silence) return
  silence = performance.now() + 3000
  toast(t('sight.changed'))
}
/** In place of the page: nothing of it stays. */
export function gone(): void {
  for (const open of document.querySelectorAll<HTMLDialogElement>('dialog[open]')) open.close()
  const card = document.createElement('section')
  card.className = 'card empty problem'
  card.setAttribute('role', 'alert')
  const title = Object.assign(document.createElement('h1'), { textContent: t('sight.gone') })
  const why = Object.assign(document.createElement('p'), { className: 'mut', textContent: t('sight.why') })
  const back = Object.assign(document.createElement('a'), {
    className: 'btn',
    href: '/',
    textContent: t('sight.fleet'),
  })
  card.append(title, why, back)
  document.querySelector('main')?.replaceChildren(card)
  document.title = t('sight.gone')
  if ('caches' in window) void caches.delete('snapshot') // nor what the browser keeps for a lost line
}
