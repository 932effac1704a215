// The texts of the pages of alerts, in English; a page's own `words` win over them, as everywhere.
// Each page brings the tables it needs, so that none carries the words of all.
import { speak } from '../words'
import type { channels } from './texts/channels'
import { common } from './texts/common'
import type { inbox } from './texts/inbox'
import type { incident } from './texts/incident'
import type { me } from './texts/me'
import type { oncall } from './texts/oncall'
import type { rule } from './texts/rule'
import type { rulefile } from './texts/rulefile'
import type { silences } from './texts/silences'
import type { steps } from './texts/steps'

type Key =
  | keyof typeof common
  | keyof typeof rule
  | keyof typeof rulefile
  | keyof typeof incident
  | keyof typeof steps
  | keyof typeof inbox
  | keyof typeof channels
  | keyof typeof silences
  | keyof typeof oncall
  | keyof typeof me
const texts: Record<string, string> = { ...common }

export const bring = (...tables: Array<Record<string, string>>): void => void Object.assign(texts, ...tables)
export const { t: w, tn: wn } = speak<Key>(texts)
