import { w } from '../../alerting/words'
import { duration } from '../../format'

/** "in 12 s", "now": how long until something, never negative. */
export const until = (at: number, now: number): string =>
  at - now < 1 ? w('when.now') : w('when.in', { age: duration(Math.ceil(at - now)) })
