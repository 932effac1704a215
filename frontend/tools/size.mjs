// Sizes of the built pages: raw, gzip and brotli. Usage: npm run size (after npm run build). Fails above the limits.
import { readFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const DIST = new URL('../../static/dist/', import.meta.url)
const LIMIT = { js: 110, page: 30, base: 10, css: 12, font: 50 } // kB, gzip (fonts raw)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', DIST), 'utf8'))
const kb = (n) => +(n / 1000).toFixed(1)
const size = (files) => {
  const raw = files.map((file) => readFileSync(new URL(file, DIST)))
  const sum = (of) => kb(raw.reduce((n, bytes) => n + of(bytes), 0))
  return {
    raw: sum((b) => b.length),
    gz: sum((b) => gzipSync(b, { level: 9 }).length),
    br: sum((b) => brotliCompressSync(b).length),
  }
}
const entries = Object.values(manifest).filter((entry) => entry.isEntry)
const whole = (entry) => {
  const seen = new Set()
  const walk = (one) => {
    if (seen.has(one)) return
    seen.add(one)
    for (const name of one.imports ?? []) walk(manifest[name])
  }
  walk(entry)
  return seen
}
const base = whole(entries.find((entry) => entry.name === 'base'))
let bad = 0
for (const entry of entries) {
  // a page with an island loads the base module too
  const all = [...new Set([...whole(entry), ...(['theme', 'offline'].includes(entry.name) ? [] : base)])]
  const js = size(all.map((one) => one.file))
  const own = size([entry.file])
  const css = size([...new Set(all.flatMap((one) => one.css ?? []))])
  const fonts = [...new Set(all.flatMap((one) => one.assets ?? []))].filter((file) => file.endsWith('.woff2'))
  const font = size(fonts).raw
  console.log(entry.name, JSON.stringify({ js, own, css, font }))
  // pages that the hub draws whole have small helpers of their own, islands the whole house
  const most = entry.src.startsWith('src/islands/') ? LIMIT.js : LIMIT.base
  if (js.gz > most || own.gz > LIMIT.page || css.gz > LIMIT.css || font > LIMIT.font) bad++
}
if (bad) {
  console.error(`${bad} entries above the limits`, LIMIT)
  process.exit(1)
}
