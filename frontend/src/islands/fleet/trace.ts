// Short histories that begin when the page is opened: one value per beat, NaN where nothing was known.
export const LENGTH = 60

export class Trace {
  values = new Float32Array(LENGTH).fill(Number.NaN)
  push(v: number | null): void {
    const next = new Float32Array(LENGTH)
    next.set(this.values.subarray(1))
    next[LENGTH - 1] = v ?? Number.NaN
    this.values = next
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
