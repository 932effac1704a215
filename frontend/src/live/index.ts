// The tab's one live client, wired to the browser.
import { Live } from './client'
import { getJson, toLogin } from './http'

export const live = new Live({
  open: () => new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/live`),
  poll: (topics, since) => {
    const marks = Object.entries(since).map(([topic, seq]) => `${topic}:${seq}`)
    return getJson(`/api/v1/live?topics=${topics.join(',')}&since=${marks.join(',')}`)
  },
  signedOut: toLogin,
  changed: () => void import('./sight').then(({ changed }) => changed()),
  gone: () => void import('./sight').then(({ gone }) => gone()),
  random: Math.random,
})
if (document.hidden) live.visible(false)
document.addEventListener('visibilitychange', () => live.visible(!document.hidden))
