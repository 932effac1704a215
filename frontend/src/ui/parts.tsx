// Small parts that every island uses: icons, status, segments, the place where an island appears.
import { Component, type ReactNode, StrictMode, useEffect, useReducer, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { whileSeen } from '../awake'
import { share } from '../format'
import { learn, now } from '../live/clock'
import type { Incident, Props, Server } from '../types'
import { type Key, t } from '../words'

export type Tone = 'ok' | 'warn' | 'crit' | 'off' | 'info'

const PATHS = {
  plus: 'M12 5v14M5 12h14',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  wave: 'M3 12h4l3-8 4 16 3-8h4',
  next: 'M9 5l7 7-7 7',
  mute: 'M4 4l16 16M8.500 5.500A6 6 0 0 1 18 10c0 3 .6 4.700 1.300 6M16 17H5s1-2 1-7l.1-1M10 20.500h4',
}
export const Icon = ({ n, s = 17 }: { n: keyof typeof PATHS; s?: number }) => (
  <svg
    width={s}
    height={s}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.7"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    <path d={PATHS[n]} />
  </svg>
)
/** One shape per state, so that colour is never alone: circle, triangle, octagon, bar. */
export const Shape = ({ s, size = 9 }: { s: Tone; size?: number }) => (
  <svg width={size} height={size} viewBox="0 0 10 10" aria-hidden="true" fill="currentColor">
    {s === 'ok' ? (
      <circle cx="5" cy="5" r="4" />
    ) : s === 'warn' ? (
      <path d="M5 .5 9.700 9H.3z" />
    ) : s === 'crit' ? (
      <path d="M3 0h4l3 3v4l-3 3H3L0 7V3z" />
    ) : (
      <path d="M0 3.500h10v3H0z" />
    )}
  </svg>
)
/** status = colour + shape + word, never colour alone */
export const Status = ({ s, children }: { s: Tone; children: ReactNode }) => (
  <span className={`pill ${s}`}>
    <Shape s={s} />
    {children}
  </span>
)
/** Marks what is simulated. */
export const Demo = () => <span className="tag demo">{t('server.demo')}</span>
/** What a server looks like. Silence comes before health: who says nothing is not healthy. */
export function face(server: Server): { tone: Tone; word: string } {
  const { reach, health } = server
  if (reach === 'paused') return { tone: 'info', word: t('state.paused') }
  if (reach === 'down') return { tone: 'off', word: t('state.down') }
  if (reach === 'new') return { tone: 'off', word: t('state.new') }
  if (health === 'critical') return { tone: 'crit', word: t('state.critical') }
  if (reach === 'late') return { tone: 'warn', word: t('state.late') }
  if (health === 'warn') return { tone: 'warn', word: t('state.warn') }
  return { tone: 'ok', word: t('state.ok') }
}
/** All that a person must know of it: its silence, and what was wrong when it last spoke. */
export function faces(server: Server): Array<{ tone: Tone; word: string }> {
  const first = face(server)
  const quiet = server.reach === 'down' || server.reach === 'late'
  if (!quiet || server.health === 'ok') return [first]
  return [face({ ...server, health: 'ok' }), face({ ...server, reach: 'up' })]
}
/** Whether the last values still describe the machine: not older than three of its intervals. */
export const isFresh = (server: Server, at: number): boolean =>
  server.seen !== null && server.reach !== 'down' && at - server.seen <= 3 * server.interval + 1

export const incidentTone = (incident: Incident): Tone =>
  incident.state === 'resolved' ? 'ok' : incident.severity === 'critical' ? 'crit' : 'warn'
export const incidentWord = (incident: Incident): string =>
  incident.state === 'acknowledged' && incident.owner
    ? t('incident.acknowledgedBy', { name: incident.owner })
    : t(`incident.${incident.state}` as Key)

/** Segmented control: a named group of toggle buttons. */
export function Segments<T extends string | number>({
  label,
  options,
  value,
  onPick,
}: {
  label: string
  options: ReadonlyArray<readonly [string, T]>
  value: T | null
  onPick: (v: T) => void
}) {
  return (
    <fieldset className="seg" aria-label={label}>
      {options.map(([text, v]) => (
        <button type="button" key={v} aria-pressed={v === value} onClick={() => onPick(v)}>
          {text}
        </button>
      ))}
    </fieldset>
  )
}
/** A level from 0 to 100 with its number, coloured by the number on every server alike: that it is an alarm, the status
 * beside it says. Grey words when there is nothing to show. */
export const Bar = ({ v, fresh = true }: { v: number | null; fresh?: boolean }) => {
  if (v === null || !fresh) return <span className="dim">{t('value.none')}</span>
  const tone = v >= 90 ? 'c' : v >= 80 ? 'w' : ''
  return (
    <span className={`bar ${tone}`}>
      <i>
        <b style={{ width: `${Math.min(100, v)}%` }} />
      </i>
      <span>{share(v)}</span>
    </span>
  )
}
/** The hub's time, renewed every second, for the ages on the page. */
export function useNow(everyMs = 1000): number {
  const [at, tick] = useReducer(() => now(), undefined, now)
  useEffect(() => whileSeen(tick, everyMs), [everyMs])
  return at
}
export const useOnce = <T,>(make: () => T): T => useState(make)[0]

/** What stands where a part of a page failed: what failed, what still works, and a way on. */
function Problem({
  title,
  children,
  details,
  again,
}: {
  title: string
  children?: ReactNode
  /** For whoever looks into it: copied, never shown. */
  details?: string
  again?: () => void
}) {
  const [copied, setCopied] = useState(false)
  return (
    <div className="card empty problem" role="alert">
      <Status s="crit">{t('broken.word')}</Status>
      <h2>{title}</h2>
      {children && <p className="mut">{children}</p>}
      <div className="acts">
        {again && (
          <button type="button" className="btn pri" onClick={again}>
            {t('broken.again')}
          </button>
        )}
        {details && (
          <button
            type="button"
            className="btn"
            onClick={() => {
              navigator.clipboard?.writeText(details).then(
                () => setCopied(true),
                () => setCopied(false),
              )
            }}
          >
            {t(copied ? 'broken.copied' : 'broken.copy')}
          </button>
        )}
      </div>
    </div>
  )
}
/** Nothing here yet: what this is, and the one thing to do about it. */
export const Empty = ({ title, children, act }: { title: string; children?: ReactNode; act?: ReactNode }) => (
  <div className="card empty">
    <h2>{title}</h2>
    {children && <p className="mut">{children}</p>}
    {act && <div className="acts">{act}</div>}
  </div>
)
/** Holds the place of what is loading, in its final size; unseen for the first 200 ms. */
export const Skeleton = ({ height, lines = 1 }: { height: number; lines?: number }) => (
  <div className="skeleton" aria-hidden="true" style={{ height }}>
    {Array.from({ length: lines }, (_, i) => (
      <i key={i} />
    ))}
  </div>
)
/** For a report of a fault: what, where, when, with which browser. No data of the page. */
const report = (error: Error): string =>
  [
    `${error.name}: ${error.message}`,
    `${location.pathname} · ${new Date().toISOString()}`,
    navigator.userAgent,
    (error.stack ?? '').split('\n').slice(0, 8).join('\n'),
  ].join('\n')

/** A part of a page that may fail without taking the rest with it. */
export class Boundary extends Component<{ children: ReactNode; shown?: () => void }, { error: Error | null }> {
  state: { error: Error | null } = { error: null }
  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }
  componentDidMount() {
    this.props.shown?.()
  }
  render() {
    const { error } = this.state
    if (!error) return this.props.children
    return (
      <Problem title={t('broken.title')} details={report(error)} again={() => location.reload()}>
        {t('broken.lede')}
      </Problem>
    )
  }
}
/** Put an island where its template tag left room, with the first data that came along. */
export function mount<P extends Props>(name: string, view: (props: P) => ReactNode): void {
  const box = document.querySelector(`[data-island="${name}"]`)
  const data = document.getElementById(`island-${name}`)?.textContent
  if (!box || !data) return
  const props = JSON.parse(data) as P
  learn(props.now, true)
  document.querySelector('.fallback')?.remove() // the island says all of it, and more
  // What stands behind it appears with it in one picture: earlier it would move.
  const shown = () => box.setAttribute('data-shown', '')
  createRoot(box).render(
    <StrictMode>
      <Boundary shown={shown}>{view(props)}</Boundary>
    </StrictMode>,
  )
}
