// What the person chose in the profile, as the page carries it on <html>. An empty zone means the browser's own.
const chosen = document.documentElement.dataset

/** A zone that this browser knows; an unknown one would make every time on the page fail. */
function known(zone: string | undefined): string | undefined {
  if (!zone) return undefined
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return zone
  } catch {
    return undefined
  }
}
export const person = {
  /** Signed in, or a stranger at the door. */
  here: chosen.person !== undefined,
  zone: known(chosen.zone),
  /** Plain words and fewer numbers. */
  simple: chosen.simple === 'yes',
  /** Whether keys such as j and a act without Ctrl. */
  keys: chosen.singleKeys !== 'no',
  lang: document.documentElement.lang || 'en',
}
/** For dates: English ones as the hub itself writes them, the day before the month. */
export const locale = (): string | undefined => {
  const { lang } = document.documentElement
  return lang === 'en' ? 'en-GB' : lang || undefined
}
