// Runs before the first paint, as a plain blocking script: no flash of the wrong theme. It must import nothing.
{
  let theme: string | null = null
  try {
    theme = localStorage.getItem('theme')
  } catch {
    // storage may be forbidden; the system's wish decides then
  }
  if (theme !== 'dark' && theme !== 'light')
    theme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
  document.documentElement.dataset.theme = theme
}
