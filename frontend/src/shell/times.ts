// Times that the hub wrote into the page, told in the reader's zone and language, and their ages kept true.
import { ago, duration, shortly, whole } from '../format'
import { now } from '../live/clock'
import { t } from '../words'

const EVERY_MS = 15_000
const TIMES = 'time[data-when], time[data-at], time[data-short]'

function show(): void {
  for (const box of document.querySelectorAll<HTMLTimeElement>(TIMES)) {
    const at = Date.parse(box.dateTime) / 1000
    if (Number.isNaN(at)) continue
    const told = whole(at)
    if (box.title !== told) box.title = told
    const ahead = at - now()
    const { at: given, short } = box.dataset
    const aged = () => (ahead > 1 ? t('age.in', { age: duration(ahead) }) : ago(-ahead))
    const text = given !== undefined ? told : short !== undefined ? shortly(at) : aged()
    if (box.textContent !== text) box.textContent = text
  }
}
export function keepTimes(): void {
  if (!document.querySelector(TIMES)) return
  show()
  setInterval(show, EVERY_MS)
}
