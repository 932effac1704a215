// Every text of a page comes with it, in the reader's language; here are only the keys (dashboards/words has the texts).
// {n} and the like are filled in; a key with .one and .other is chosen by the plural rules of the language.
import type english from './words/en.json'

export type Key = keyof typeof english
type Stem<K> = K extends `${infer S}.one` ? S : never
export type PluralKey = Stem<Key>
type Values = Record<string, string | number>
let words: Record<string, string> = JSON.parse(document.getElementById('words')?.textContent || '{}')

export function setWords(texts: Record<string, string>): void {
  words = texts
}
// made once: a page says numbers every second
const lang = () => document.documentElement.lang || 'en'
let plurals: Intl.PluralRules | undefined
let numbers: Intl.NumberFormat | undefined
// a sign never begins a line: "95 %" stays whole, whoever wrote it
const fill = (text: string, values: Values) =>
  text
    .replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole))
    .replace(/ %/g, '\u00a0%')

export const known = (key: string): key is Key => key in words
export const t = (key: Key, values: Values = {}): string => fill(words[key] ?? key, values)
/** The same in singular or plural, as the page's language counts. */
export const tn = (stem: PluralKey, n: number, values: Values = {}): string => {
  plurals ??= new Intl.PluralRules(lang())
  const form = plurals.select(n)
  return fill(words[`${stem}.${form}`] ?? words[`${stem}.other`] ?? stem, { n: count(n), ...values })
}
export const count = (n: number): string => {
  numbers ??= new Intl.NumberFormat(lang())
  return numbers.format(n)
}
