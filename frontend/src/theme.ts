// Runs before the first paint, as a plain blocking script: no flash of the wrong theme. It must import nothing.
// It also notices when the scripts of the page do not come, so that what was written by the hub is shown instead.
{
  const root = document.documentElement
  const kept = (name: string): string | null => {
    try {
      return localStorage.getItem(name)
    } catch {
      return null // storage may be forbidden
    }
  }
  // The profile's choice, but for one made here that the hub had not confirmed when this page was asked for: it may
  // have been written before. A stranger's is kept by the browser.
  const saved = kept('theme-unsaved')
  const unsaved = saved !== null && !(performance.timeOrigin > Number(saved))
  let theme = root.dataset.person !== undefined && !unsaved ? root.dataset.themeChoice : kept('theme')
  if (theme !== 'dark' && theme !== 'light')
    theme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
  root.dataset.theme = theme

  const waits = () => document.querySelector('[data-island]:not([data-shown])') !== null
  const broken = () => {
    if (waits()) root.dataset.broken = ''
  }
  addEventListener(
    'error',
    (event) => {
      if (event.target instanceof HTMLScriptElement) setTimeout(broken)
    },
    true,
  )
  addEventListener('load', () => setTimeout(broken, 8000))
}
