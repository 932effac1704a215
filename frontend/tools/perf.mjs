// Paint, CPU and memory of the fleet and of one server, of a hub that runs: BASE, and EMAIL and PASSWORD of one of
// its people. A fleet of a thousand: ./watchkeeper up --demo 1000. Usage: BASE=… PASSWORD=… npm run perf
import { chromium } from 'playwright-core'
import { args, executablePath } from './args.mjs'

const base = process.env.BASE ?? 'http://127.0.0.1:8000'
const BAR = { load: 700, live: 120, hidden: 2, dom: 1200, heap: 40, cls: 0.02 }
const WINDOW = 10_000
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [...args, '--enable-precise-memory-info'],
})
const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } })
const first = await context.newPage()
first.setDefaultTimeout(60_000)
await first.goto(base)
await first.fill('input[type=email]', process.env.EMAIL ?? 'admin@localhost')
await first.fill('input[type=password]', process.env.PASSWORD ?? '')
await Promise.all([first.waitForURL(`${base}/`), first.click('form button[type=submit]')])
const servers = await first.evaluate(async () => (await (await fetch('/api/v1/servers')).json()).results)
await first.close()
const PAGES = { fleet: '/', server: `/servers/${servers[0].id}/` }
for (const [name, path] of Object.entries(PAGES)) {
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
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
  const second = async () => {
    const before = await cpu()
    await page.waitForTimeout(WINDOW)
    return Math.round(((await cpu()) - before) / (WINDOW / 1000))
  }
  const live = await second()
  // As when another tab covers it: the page is told that it is hidden.
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })
    Object.defineProperty(document, 'hidden', { get: () => true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  // a window that draws no frames: what a covered tab would spend on them is not in the figure
  const { windowId } = await cdp.send('Browser.getWindowForTarget')
  await cdp.send('Browser.setWindowBounds', { windowId, bounds: { windowState: 'minimized' } })
  await page.waitForTimeout(1500)
  const hidden = await second()
  const missed = Object.entries({ ...seen, load, live, hidden }).filter(([key, v]) => key in BAR && v > BAR[key])
  console.log(
    name,
    JSON.stringify({ ...seen, bytes, load, live, hidden }),
    missed.length ? `over: ${missed}` : 'within the bars',
  )
  await page.close()
}
await browser.close()
