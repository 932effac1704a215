// Reports: days are asked for where they are wanted, and a report that is being made says how far it is.
import './design/report.css'

const EVERY = 1000
const MOST = 5000
const all = <E extends HTMLElement>(selector: string) => document.querySelectorAll<E>(selector)

const period = document.querySelector<HTMLSelectElement>('#id_period')
const days = document.querySelector<HTMLElement>('[data-custom]')
const show = () => {
  if (days && period) days.hidden = period.value !== 'custom'
}
period?.addEventListener('change', show)
show()

interface Run {
  state: string
  progress: number
}
async function look(run: HTMLElement, wait: number): Promise<void> {
  try {
    const answer = await fetch(`/api/v1/report_runs/${run.dataset.run}`, { headers: { Accept: 'application/json' } })
    if (answer.status === 404 || answer.status === 401) return location.reload()
    if (answer.ok) {
      const { state, progress } = (await answer.json()) as Run
      if (state !== 'waiting' && state !== 'running') return location.reload()
      const bar = run.querySelector('progress')
      if (bar) bar.value = progress
      const said = run.querySelector('[data-progress]')
      if (said) said.textContent = String(progress)
    }
  } catch {
    // the hub is away: asked again, less often
  }
  setTimeout(() => void look(run, Math.min(MOST, wait * 1.2)), wait)
}
for (const run of all('[data-run]')) setTimeout(() => void look(run, EVERY), EVERY)
