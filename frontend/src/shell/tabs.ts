// Tabs over parts of a form or a page. Without this script all parts are there, one below the other.
export function tabbed(box: HTMLElement): void {
  const tabs = [...box.querySelectorAll<HTMLElement>('[role=tab]')]
  const part = (tab: HTMLElement) => document.getElementById(tab.getAttribute('aria-controls') ?? '')
  const pick = (tab: HTMLElement, focus = false) => {
    for (const one of tabs) {
      one.setAttribute('aria-selected', String(one === tab))
      one.tabIndex = one === tab ? 0 : -1
      const shown = part(one)
      if (shown) shown.hidden = one !== tab
    }
    if (focus) tab.focus()
  }
  for (const [i, tab] of tabs.entries()) {
    tab.addEventListener('click', () => pick(tab))
    tab.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      const next = step && tabs[(i + step + tabs.length) % tabs.length]
      if (!next) return
      event.preventDefault()
      pick(next, true)
    })
  }
  const first = tabs.find((tab) => tab.getAttribute('aria-selected') === 'true') ?? tabs[0]
  if (first) pick(first)
}
