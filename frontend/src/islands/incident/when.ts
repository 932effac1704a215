import { duration } from '../../format'
import { t } from '../../words'

/** "in 12 s", "now": how long until something, never negative. */
export const until = (at: number, now: number): string =>
  at - now < 1 ? t('when.now') : t('when.in', { age: duration(Math.ceil(at - now)) })
