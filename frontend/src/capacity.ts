// Capacity: while a slider moves, the picture and the sentences are fetched as the server draws them.
import './design/capacity.css'

const WAIT = 150
const PARTS = ['[data-runway]', '[data-things]']

export function asked(form: HTMLFormElement): string {
  const params = new URLSearchParams()
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') params.set(name, value)
  return `?${params}`
}

export async function redraw(address: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(address, { signal, headers: { Accept: 'text/html' } })
  if (!answer.ok) return
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  for (const part of PARTS) {
    const mine = fresh.querySelector(part)
    const old = document.querySelector(part)
    // what was unfolded stays so
    if (old?.querySelector('details[open]')) mine?.querySelector('details')?.setAttribute('open', '')
    if (mine) old?.replaceWith(mine)
  }
}

export function follow(form: HTMLFormElement): void {
  let timer = 0
  let running = new AbortController()
  form.classList.add('live')
  form.addEventListener('input', () => {
    for (const range of form.querySelectorAll<HTMLInputElement>('input[type=range]')) {
      const shown = form.querySelector(`[data-of="${range.name}"]`)
      if (shown) shown.textContent = Number(range.value).toLocaleString(document.documentElement.lang)
    }
    clearTimeout(timer)
    timer = window.setTimeout(() => {
      running.abort()
      running = new AbortController()
      const address = asked(form)
      history.replaceState(null, '', address)
      redraw(address, running.signal).catch(() => undefined)
    }, WAIT)
  })
}

const form = document.querySelector<HTMLFormElement>('[data-what-if]')
if (form) follow(form)
