// Short histories that begin when the page is opened: one value per beat, NaN where nothing was known.
export const LENGTH = 90
/** A young trace is drawn over the whole width, so that it looks alive from its first seconds. */
const SHORTEST = 12

export class Trace {
  private kept = new Float32Array(LENGTH).fill(Number.NaN)
  private pushed = 0
  values = this.kept.subarray(LENGTH - SHORTEST)
  push(v: number | null): void {
    const next = new Float32Array(LENGTH)
    next.set(this.kept.subarray(1))
    next[LENGTH - 1] = v ?? Number.NaN
    this.kept = next
    this.pushed = Math.min(LENGTH, this.pushed + 1)
    this.values = next.subarray(LENGTH - Math.max(SHORTEST, this.pushed))
  }
}
/** Traces by name, made when first asked for. */
export class Traces {
  private all = new Map<string, Trace>()
  of(key: string): Float32Array {
    return this.get(key).values
  }
  push(key: string, v: number | null): void {
    this.get(key).push(v)
  }
  private get(key: string): Trace {
    const known = this.all.get(key)
    if (known) return known
    const made = new Trace()
    this.all.set(key, made)
    return made
  }
}
