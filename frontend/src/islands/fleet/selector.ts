// The selector language (core/selector.py) in the browser, so that the table answers while one types.
import type { Server } from '../../types'
import type { Test } from './rows'

const TOKEN = /\s*(?:([()])|([a-z]+):(?:"((?:[^"\\]|\\.)*)"|([^\s()"]+))|(and|or|not)\b)/giy
const KEYS = ['name', 'tag', 'role', 'os', 'site', 'env', 'id'] as const
type KeyName = (typeof KEYS)[number]
type Token = { kind: string; key?: string; pattern?: RegExp }
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** A glob as Python's fnmatch has it: *, ? and [seq]. */
function glob(text: string): RegExp {
  const source = text.replace(/\[!?[^\]]+\]|[*?]|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '*') return '.*'
    if (part === '?') return '.'
    if (part.length > 2 && part.startsWith('[')) return part.replace('[!', '[^')
    return `\\${part}`
  })
  return new RegExp(`^(?:${source})$`, 'is')
}
function wordsOf(server: Server, key: KeyName): string[] {
  if (key === 'name') return [server.name]
  if (key === 'tag') return server.tags
  if (key === 'os') {
    const first = server.os.split(' ')[0] ?? ''
    return [/windows/i.test(first) ? 'windows' : /mac|darwin/i.test(first) ? 'darwin' : 'linux', first, server.os]
  }
  if (key === 'env') return [server.environment ?? '']
  if (key === 'id') return [server.id]
  return [server[key] ?? '']
}
function tokens(text: string): Token[] {
  const found: Token[] = []
  const reader = new RegExp(TOKEN)
  let at = 0
  while (text.slice(at).trim()) {
    reader.lastIndex = at
    const part = reader.exec(text)
    if (!part) throw new Error(text.slice(at).trim())
    at = reader.lastIndex
    const [, mark, key, quoted, wild, joint] = part
    if (mark) found.push({ kind: mark })
    else if (joint) found.push({ kind: joint.toLowerCase() })
    else {
      const pattern =
        wild === undefined ? new RegExp(`^${escaped((quoted ?? '').replace(/\\(.)/g, '$1'))}$`, 'is') : glob(wild)
      found.push({ kind: 'term', key: (key ?? '').toLowerCase(), pattern })
    }
  }
  return found
}
/** Throws where the text cannot be read. Outside production only where `env:` is named, as everywhere. */
export function parse(text: string): Test {
  const list = tokens(text)
  let at = 0
  let env = false
  const is = (kind: string) => list[at]?.kind === kind
  const either = (): Test => {
    const tests = [both()]
    while (is('or')) {
      at++
      tests.push(both())
    }
    return (server) => tests.some((test) => test(server))
  }
  const both = (): Test => {
    const tests = [one()]
    while (is('and')) {
      at++
      tests.push(one())
    }
    return (server) => tests.every((test) => test(server))
  }
  const one = (): Test => {
    const token = list[at++]
    if (token?.kind === 'not') {
      const inner = one()
      return (server) => !inner(server)
    }
    if (token?.kind === '(') {
      const inner = either()
      if (!is(')')) throw new Error(')')
      at++
      return inner
    }
    const key = KEYS.find((known) => known === token?.key)
    if (token?.kind !== 'term' || !key) throw new Error(token?.key ?? text)
    const { pattern } = token
    env ||= key === 'env'
    return (server) => wordsOf(server, key).some((word) => pattern?.test(word))
  }
  const test = either()
  if (at < list.length) throw new Error(list[at]?.kind)
  return env ? test : (server) => (server.environment ?? 'production') === 'production' && test(server)
}
