// Pages on which things are set up: their data is loaded again after each change, so that they show what the hub has.
import { useCallback } from 'react'
import { usePage } from '../islands/page'
import type { Props } from '../types'

export function useSetup<P extends Props>(first: P): [P, () => void] {
  const [page, load] = usePage(first, (state: P) => state)
  return [page, useCallback(() => void load().catch(() => undefined), [load])]
}
