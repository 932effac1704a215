// Paint, CPU and memory of the fleet of 1,000 and of one server. Usage: npm run perf; tools/preview.py must run.
import { chromium } from 'playwright-core'
import { args, executablePath } from './args.mjs'

const base = process.env.BASE ?? 'http://127.0.0.1:8399'
const PAGES = { fleet: '/thousand/', server: '/one/servers/00000000-0000-4000-8000-000000000000/?range=24h' }
const BAR = { load: 700, live: 120, dom: 1200, heap: 40, cls: 0.02 }
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [...args, '--enable-precise-memory-info'],
})
for (const [name, path] of Object.entries(PAGES)) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } })
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  await cdp.send('Network.enable')
  let bytes = 0
  cdp.on('Network.loadingFinished', (e) => {
    bytes += e.encodedDataLength
  })
  await page.addInitScript(() => {
    window.__seen = { lcp: 0, cls: 0, long: [] }
    const watch = (type, note) =>
      new PerformanceObserver((list) => {
        for (const e of list.getEntries()) note(e)
      }).observe({ type, buffered: true })
    watch('largest-contentful-paint', (e) => {
      window.__seen.lcp = Math.round(e.startTime)
    })
    watch('layout-shift', (e) => {
      window.__seen.cls += e.value
    })
    watch('longtask', (e) => window.__seen.long.push(Math.round(e.duration)))
  })
  const cpu = async () =>
    (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value * 1000
  await page.goto(base + path)
  await page.waitForSelector('h1')
  await page.waitForTimeout(1500)
  const load = Math.round(await cpu())
  const seen = await page.evaluate(() => ({
    fcp: Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime),
    ...window.__seen,
    cls: +window.__seen.cls.toFixed(4),
    dom: document.querySelectorAll('*').length,
    heap: Math.round(performance.memory.usedJSHeapSize / 1e6),
  }))
  await page.waitForTimeout(10_000)
  const live = Math.round(((await cpu()) - load) / 10)
  const missed = Object.entries({ ...seen, load, live }).filter(([key, v]) => key in BAR && v > BAR[key])
  console.log(
    name,
    JSON.stringify({ ...seen, bytes, load, live }),
    missed.length ? `over: ${missed}` : 'within the bars',
  )
  await page.close()
}
await browser.close()
