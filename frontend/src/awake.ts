// Work that is for eyes only: it rests while the page is hidden, and is made up for when somebody looks again.
export function whileSeen(run: () => void, everyMs: number): () => void {
  let timer: ReturnType<typeof setInterval> | undefined
  const turn = () => {
    clearInterval(timer)
    timer = document.hidden ? undefined : setInterval(run, everyMs)
  }
  const seen = () => {
    turn()
    if (!document.hidden) run()
  }
  turn()
  document.addEventListener('visibilitychange', seen)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', seen)
  }
}
