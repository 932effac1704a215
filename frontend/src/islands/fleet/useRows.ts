// Which rows the table has, worked out anew when asked for something else, and every few seconds as values move.
import { useEffect, useMemo, useState } from 'react'
import { whileSeen } from '../../awake'
import { getJson } from '../../live/http'
import type { Server } from '../../types'
import { useOnce } from '../../ui/parts'
import { isSelector, plainTest, rows, type Sort, type Test } from './rows'
import type { Fleet } from './store'

const SORT_MS = 3000
const ASK_MS = 200
const OLD_MS = 300_000

/** The test that a text asks for; the parser of selectors is fetched when the first one is typed. */
export function useTest(query: string): { test: Test; fault: boolean } {
  const [parse, setParse] = useState<{ of: (text: string) => Test } | null>(null)
  const selector = isSelector(query)
  useEffect(() => {
    if (selector && !parse) import('./selector').then((found) => setParse({ of: found.parse }))
  }, [selector, parse])
  return useMemo(() => {
    if (!selector || !parse) return { test: selector ? () => true : plainTest(query), fault: false }
    try {
      return { test: parse.of(query), fault: false }
    } catch {
      return { test: () => true, fault: true }
    }
  }, [query, selector, parse])
}
export function useRows(fleet: Fleet, test: Test, show: 'all' | 'bad', sort: Sort): Server[] {
  const [turn, setTurn] = useState(0)
  const { shape } = fleet
  useEffect(() => whileSeen(() => setTurn((n) => n + 1), SORT_MS), [])
  return useMemo(() => rows(fleet.servers, test, show, sort, shape), [fleet, shape, test, show, sort, turn])
}
interface SparksAnswer {
  cpu: Record<string, Array<number | null>>
}
/** The CPU of the last hours, for rows that are looked at. */
class Sparks {
  private kept = new Map<string, { at: number; v: Float32Array }>()
  private asked = new Map<string, number>()
  private timer: ReturnType<typeof setTimeout> | undefined
  private wanted = new Set<string>()
  constructor(private arrived: () => void) {}
  of(id: string): Float32Array | undefined {
    return this.kept.get(id)?.v
  }
  /** Asks for what is missing or old, once the table stands still. */
  want(ids: string[]): void {
    clearTimeout(this.timer)
    const at = performance.now()
    this.wanted = new Set(ids.filter((id) => at - (this.asked.get(id) ?? Number.NEGATIVE_INFINITY) > OLD_MS))
    if (this.wanted.size) this.timer = setTimeout(() => void this.ask([...this.wanted]), ASK_MS)
  }
  private async ask(ids: string[]): Promise<void> {
    for (const id of ids) this.asked.set(id, performance.now())
    try {
      const { cpu } = await getJson<SparksAnswer>(`/api/v1/fleet/sparks?ids=${ids.join(',')}`)
      for (const [id, line] of Object.entries(cpu))
        this.kept.set(id, { at: performance.now(), v: Float32Array.from(line, (v) => v ?? Number.NaN) })
      this.arrived()
    } catch {
      for (const id of ids) this.asked.delete(id)
    }
  }
}
export function useSparks(ids: string[]): Sparks {
  const [, drawn] = useState(0)
  const sparks = useOnce(() => new Sparks(() => drawn((n) => n + 1)))
  const key = ids.join()
  useEffect(() => sparks.want(ids), [sparks, key])
  return sparks
}
