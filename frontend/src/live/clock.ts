// The hub's clock as seen from here: ages are told in its time, so a wrong clock on this computer shows no wrong age.
let offset = 0
let known = false

/** Learn from a time stamp the hub has just written. A stamp can only be late, so the largest offset is the best. */
export function learn(hubNow: number, fresh = false): void {
  const seen = hubNow - Date.now() / 1000
  if (!known || fresh || seen > offset) {
    offset = seen
    known = true
  }
}
export const now = (): number => Date.now() / 1000 + offset
