// Pictures of every page in both themes at 1440 and 375 px, with axe-core and a look for sideways scroll.
// Usage: npm run shots [folder] [only]; the preview (tools/preview.py) must run on 8399, or BASE must name a server.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import { args, executablePath } from './args.mjs'

const out = process.argv[2] ?? 'shots'
const only = process.argv[3]
const base = process.env.BASE ?? 'http://127.0.0.1:8399'
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const server = (scene) => `servers/${scene}0000000-0000-4000-8000-000000000000/`
const PAGES = {
  'fleet-one': '/one/',
  'fleet-quiet': '/quiet/',
  'fleet-few': '/few/',
  'fleet-many': '/many/',
  'fleet-empty': '/empty/',
  'fleet-silent': '/silent/',
  server: `/one/${server(0)}`,
  'server-6h': `/one/${server(0)}?range=6h`,
  'server-silent': `/silent/${server(5)}`,
  alerts: '/many/alerts/',
  'alerts-none': '/one/alerts/',
  incident: '/many/incidents/10000000-0000-4000-8000-000000000000/',
  add: '/one/servers/add/',
  login: '/accounts/login/',
  password: '/accounts/password/change/',
  404: '/404.html',
  500: '/500.html',
}
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
mkdirSync(out, { recursive: true })
const browser = await chromium.launch({ executablePath, headless: true, args })
let faults = 0
const fault = (...words) => {
  faults++
  console.error(...words)
}
for (const [name, path] of Object.entries(PAGES)) {
  if (only && !name.includes(only)) continue
  for (const theme of ['dark', 'light'])
    for (const width of [1440, 375]) {
      const height = width === 375 ? 812 : 1000
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        bypassCSP: true, // for axe alone; the policy itself is tested in tests/e2e
      })
      const page = await context.newPage()
      page.on('pageerror', (e) => fault(name, theme, width, e.message))
      page.on('console', (m) => m.type() === 'error' && fault(name, theme, width, m.text()))
      await page.goto(base + path)
      await page.waitForTimeout(2500)
      await page.screenshot({ path: `${out}/${name}-${theme}-${width}.png` })
      if ((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) > 0)
        fault(name, theme, width, 'scrolls sideways')
      await page.evaluate(axe)
      const { violations } = await page.evaluate((tags) => window.axe.run({ runOnly: tags }), TAGS)
      for (const v of violations) fault(name, theme, width, v.id, v.nodes.map((n) => n.target.join(' ')).slice(0, 3))
      await context.close()
    }
}
await browser.close()
console.log(faults ? `${faults} faults` : 'no faults')
process.exit(faults ? 1 : 0)
