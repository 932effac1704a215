// Checks move by themselves: the hub draws the page anew, and its parts take the place of the old ones.
import './design/checks.css'
import { whileSeen } from './awake'

const EVERY_S = 15
const parts = () => [...document.querySelectorAll<HTMLElement>('[data-moves]')]

/** What somebody is at, by keys or by marking, is left alone until they are done. */
const inUse = (part: HTMLElement) => {
  const marked = document.getSelection()
  return part.contains(document.activeElement) || (!marked?.isCollapsed && !!marked?.containsNode(part, true))
}
let asking = false
async function move(): Promise<void> {
  if (asking) return
  asking = true
  try {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' } })
    if (answer.redirected || answer.status === 404) return location.reload()
    if (!answer.ok) return
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
    for (const part of parts()) {
      const next = fresh.getElementById(part.id)
      if (next && !inUse(part)) part.replaceWith(document.adoptNode(next))
    }
  } catch {
    // the hub is away: the page says how old it is, and it is asked again
  } finally {
    asking = false
  }
}
const first = parts()[0]
const every = Number(document.querySelector<HTMLElement>('[data-every]')?.dataset.every ?? EVERY_S)
if (first) whileSeen(() => void move(), every * 1000)
