// Incidents: their sentences, their timeline, what is asked of them.
import { cleanup, render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { serversOf } from '../src/alerting/Hush'
import { asked, Note } from '../src/alerting/Take'
import { countdown, lasted } from '../src/format'
import { valueText } from '../src/incidents'
import { heading } from '../src/islands/alerts/main'
import { causes, snoozed, tabsOf } from '../src/islands/alerts/model'
import { Row } from '../src/islands/alerts/Row'
import { coded } from '../src/islands/incident/Around'
import { proofs } from '../src/islands/incident/Evidence'
import { impact } from '../src/islands/incident/saying'
import { Coming, dotOf, Hushed, stepText, Timeline } from '../src/islands/incident/Timeline'
import { answers } from './answers'
import { incident } from './rows'
import '../src/islands/rule/main'
import '../src/islands/incident/main'
import type { Incident, Member } from '../src/types'

afterEach(() => {
  vi.useRealTimers()
  cleanup()
  vi.unstubAllGlobals()
})
describe('an incident', () => {
  it('says of a resolved one that it is the end that is still to be told, and no longer once it was due', () => {
    const over = incident({ state: 'resolved', until: 5 })
    const { rerender } = render(<Coming incident={over} coming={{ at: 12, news: true }} at={5} />)
    expect(screen.getByRole('timer').textContent).toContain('that it is over')
    rerender(<Coming incident={over} coming={{ at: 12, news: true }} at={13} />)
    expect(screen.queryByRole('timer')).toBeNull()
  })
  it('says to whom it is said again, and that nobody else is called', () => {
    const coming = { at: 3605, news: false, to: ['Ops hook', 'Maria'], rest: 'noChain' as const }
    render(<Coming incident={incident({})} coming={coming} at={5} />)
    expect(screen.getByRole('timer').textContent).toBe(
      'Said again in 1 h to Ops hook, Maria. No chain is set up: nobody else is called, however long it waits.',
    )
  })
  it('says that nobody is told where there is nobody, and not that it is said again', () => {
    render(<Coming incident={incident({})} coming={{ at: 3605, news: false, to: [], rest: 'nobody' }} at={5} />)
    expect(screen.getByRole('timer').textContent).toBe(
      'Nobody is told of it: no channel, person or chain is there for it. Channels',
    )
  })
  it('says no repeat and no step of a chain while something holds it back', () => {
    const coming = { at: 3605, news: false, to: ['hook'], rest: '' as const }
    const next = { at: 60, kind: 'team' }
    const { container, rerender } = render(
      <Coming incident={incident({ held: 'web-1 does not report', next })} coming={coming} at={5} />,
    )
    expect(container.textContent).toBe('')
    const hushed = { why: 'silenced: work', until: null }
    rerender(<Coming incident={incident({ hushed, next })} coming={{ ...coming, rest: 'noChain' }} at={5} />)
    expect(container.textContent).toBe('')
    rerender(<Hushed incident={incident({ held: 'web-1 does not report', hushed })} />)
    expect(container.textContent).toBe('Nobody is told of it meanwhile: web-1 does not report')
  })
  it('stays in sight below its cause where it called somebody before, and is not called snoozed', () => {
    const parent = incident({ id: 'down', title: 'web-1 does not report' })
    const child = incident({ id: 'hot', title: 'Hot', parent: 'down', held: 'web-1 does not report' })
    expect(heading([parent, child], [], 5).lede).toBe('1 without an owner. One more is explained by another.')
    const doing = { take: () => {}, pick: () => {}, show: () => {} }
    const row = (one: Incident) => (
      <Row cause={{ incident: parent, under: [one] }} at={5} here={false} picked={false} may={false} doing={doing} />
    )
    const { rerender } = render(row(child))
    expect(screen.getByText('Hot')).toBeTruthy()
    rerender(row({ ...child, hushed: { why: 'web-1 is down', until: null } }))
    expect(screen.queryByText('Hot')).toBeNull()
  })
  it('is taken until it gets worse, to its end, or until a time', () => {
    expect(asked('', '', ' me ', 0)).toEqual({ how: '', reason: 'me' })
    expect(asked('sticky', '', '', 0)).toEqual({ how: 'sticky' })
    expect(asked('4', '', '', 0)).toEqual({ how: 'until', until: '1970-01-01T04:00:00.000Z' })
  })
  it('stands in the tabs it belongs to', () => {
    const told = new Set(['i1'])
    const me = { me: 'me', told: new Set<string>(), teams: ['Main'] }
    const taken = (owner_id: string, how = '') =>
      incident({ state: 'acknowledged', owner_id, taken: { at: 0, how, until: 9, reason: '', over: 'web' } })
    expect(tabsOf(incident(), me)).toEqual(['all', 'team'])
    expect(tabsOf(incident(), { ...me, told })).toEqual(['all', 'mine', 'team'])
    expect(tabsOf(incident(), { ...me, teams: ['Other'] })).toEqual(['all'])
    expect(tabsOf(taken('me'), me)).toEqual(['all', 'mine', 'team'])
    expect(tabsOf(taken('other'), { ...me, told })).toEqual(['all', 'team'])
    expect(tabsOf(taken('me', 'until'), me)).toEqual(['all', 'mine', 'snoozed'])
    expect(tabsOf(incident({ hushed: { why: 'silenced', until: null } }), me)).toEqual(['all', 'snoozed'])
    expect(tabsOf(incident({ state: 'resolved' }), { ...me, told })).toEqual(['resolved'])
    expect(snoozed(incident({ state: 'resolved', held: 'x' }))).toBe(false)
  })
  it('stands under what explains it while that is open, whatever the order', () => {
    const child = incident({ id: 'c', parent: 'p', held: 'Down' })
    const parent = incident({ id: 'p', severity: 'warn' })
    const reader = { me: 'me', told: new Set<string>(), teams: ['Main'] }
    const { team, all } = causes([child, parent], reader)
    expect(team.map((one) => [one.incident.id, one.under.map((two) => two.id)])).toEqual([['p', ['c']]])
    expect(all).toHaveLength(1)
    const alone = causes([child, { ...parent, state: 'resolved', until: 5 }], reader)
    expect(alone.snoozed.map((one) => one.incident.id)).toEqual(['c'])
    expect(alone.resolved).toHaveLength(1)
  })
  it('shows each series that broke a rule once, the one that speaks first', () => {
    const member = (name: string, metric: string): Member => ({
      id: name + metric,
      server: { id: name, name, url: '' },
      rule: '',
      what: metric,
      metric,
      labels: {},
      state: 'firing',
      severity: 'warn',
      value: 1,
      limit: 1,
      since: 0,
      until: null,
    })
    const speaks = incident({ server: { id: 'a', name: 'a', url: '' }, metric: 'load1', what: 'Load' })
    const found = proofs(speaks, [member('a', 'load1'), member('b', 'load1'), member('c', 'silent_seconds')])
    expect(found.map((one) => one.title)).toEqual(['a · Load', 'b · load1'])
  })
  it('says how far it reaches, and how long it lasted as messages do', () => {
    expect(impact({ servers: 7, names: ['a', 'b'], more: 5 }, false)).toBe('7 servers are affected: a, b, 5 more.')
    expect(impact({ servers: 0, names: [], more: 0 }, true)).toBe('')
    expect([44.6, 60, 250, 599, 600, 3_720].map(lasted)).toEqual([
      '45 s',
      '1 min',
      '4 min 10 s',
      '9 min 59 s',
      '10 min',
      '1 h 2 min',
    ])
    expect([0, 59.2, 200, 3725].map(countdown)).toEqual(['0:00', '1:00', '3:20', '1:02:05'])
  })
  it('is acknowledged later when there is no line, once, and by whoever did it', async () => {
    const { begin, flush, take } = await import('../src/alerting/doing')
    localStorage.clear()
    begin('me')
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('no line')
    })
    await take([incident()])
    expect(document.querySelector('.toast')?.textContent).toContain('No connection')
    expect(JSON.parse(localStorage.getItem('watchkeeper.deeds.me') ?? '')).toHaveLength(1)
    const asked = answers([200, {}])
    await flush()
    expect(asked.map((one) => one.url)).toEqual(['/api/v1/incidents/i1/acknowledge'])
    expect(localStorage.getItem('watchkeeper.deeds.me')).toBe('[]')
    await flush()
    expect(asked).toHaveLength(1)
  })
  it('keeps a note that was written without a line, and sends it after', async () => {
    const { begin, flush, note } = await import('../src/alerting/doing')
    localStorage.clear()
    begin('four')
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('no line')
    })
    await note(incident(), 'seen it')
    expect([...document.querySelectorAll('.toast')].at(-1)?.textContent).toContain('your note is kept')
    const asked = answers([200, {}])
    await flush()
    expect(asked).toEqual([{ url: '/api/v1/incidents/i1/note', method: 'POST', body: { text: 'seen it' } }])
  })
  it('keeps what an ended session, another tab or a second thought would have lost', async () => {
    const { begin, flush, take } = await import('../src/alerting/doing')
    const keptNow = () =>
      JSON.parse(localStorage.getItem('watchkeeper.deeds.two') ?? '[]') as Array<{ incident: string }>
    localStorage.clear()
    begin('two')
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('no line')
    })
    await take([incident({ id: 'a' })])
    const undo = [...document.querySelectorAll<HTMLButtonElement>('.toast button')].at(-1)
    // another tab of the same person keeps one, too
    const other = { incident: 'b', title: 'b', verb: 'acknowledge', body: {}, at: Date.now() / 1000 }
    localStorage.setItem('watchkeeper.deeds.two', JSON.stringify([...keptNow(), other]))
    await take([incident({ id: 'c' })])
    expect(keptNow().map((one) => one.incident)).toEqual(['a', 'b', 'c'])
    // the session ended meanwhile: nothing is lost
    answers([401, { error: 'not_authenticated' }])
    await flush()
    expect(keptNow()).toHaveLength(3)
    const asked = answers()
    const going = flush()
    undo?.click() // while the first is on its way
    await going
    await vi.waitFor(() => expect(asked.some((one) => one.url.endsWith('a/unacknowledge'))).toBe(true))
    const verbs = asked.map((one) => one.url.split('/').slice(-2).join('/'))
    expect(verbs).toContain('b/acknowledge')
    expect(verbs).toContain('c/acknowledge')
    expect(keptNow()).toEqual([])
  })
  it('gives up an answer that does not come, and goes on at once where the line came back meanwhile', async () => {
    const { begin, flush } = await import('../src/alerting/doing')
    localStorage.clear()
    let late = () => {}
    vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
      const patience = new AbortController()
      late = () => patience.abort(new DOMException('too late', 'TimeoutError'))
      return patience.signal
    })
    vi.stubGlobal(
      'fetch',
      (_: string, { signal }: RequestInit) =>
        new Promise((_, no) => signal?.addEventListener('abort', () => no(signal.reason))),
    )
    const deed = { incident: 'h', title: 'h', verb: 'acknowledge', body: {}, at: Date.now() / 1000 }
    localStorage.setItem('watchkeeper.deeds.five', JSON.stringify([deed]))
    begin('five')
    await vi.waitFor(() => expect(AbortSignal.timeout).toHaveBeenCalled())
    dispatchEvent(new Event('online'))
    const asked = answers([200, {}])
    late()
    await vi.waitFor(() => expect(asked.map((one) => one.url)).toEqual(['/api/v1/incidents/h/acknowledge']))
    await vi.waitFor(() => expect(localStorage.getItem('watchkeeper.deeds.five')).toBe('[]'))
    vi.restoreAllMocks()
    await flush()
    expect(asked).toHaveLength(1)
  })
  it('says a note once, however often the rest has to wait', async () => {
    const { begin, flush, resolve } = await import('../src/alerting/doing')
    localStorage.clear()
    begin('three')
    vi.useFakeTimers()
    const first = answers([200, {}], [503, {}])
    resolve([incident({ id: 'n' })], 'a cable')
    await vi.advanceTimersByTimeAsync(10_500)
    const again = answers()
    await flush()
    const verbs = [...first, ...again].map((one) => one.url.split('/').at(-1))
    expect(verbs).toEqual(['note', 'resolve', 'resolve'])
  })
  it('ends after ten seconds, and not at all where somebody thinks better of it', async () => {
    const { resolve, take } = await import('../src/alerting/doing')
    vi.useFakeTimers()
    const asked = answers()
    resolve([incident({ id: 'i2' })], 'a cable')
    ;[...document.querySelectorAll<HTMLButtonElement>('.toast button')].at(-1)?.click()
    await vi.advanceTimersByTimeAsync(11_000)
    expect(asked).toEqual([])
    resolve([incident({ id: 'i3' })], 'a cable')
    await vi.advanceTimersByTimeAsync(11_000)
    expect(asked.map((one) => one.url.split('/').slice(-2).join('/'))).toEqual(['i3/note', 'i3/resolve'])
    await take([incident({ id: 'i4', state: 'resolved' })])
    expect(asked).toHaveLength(2)
  })
  it('shows a check as often as it is looked at, whatever the pace of machines', async () => {
    const { every } = await import('../src/islands/incident/Evidence')
    expect(every([0, 10, 20, 30, 40, 50, 60, 120, 180], [1, null, null, null, null, null, 1, 1, 1])).toBe(60)
    expect(every([0, 10], [1, null])).toBe(0)
  })
  it('names its servers for a silence', () => {
    const on = (name: string) => incident({ server: { id: '', name, url: '' } })
    expect(serversOf([on('web-1'), on('web 2'), on('web-1')])).toBe('name:web-1 or name:"web 2"')
  })
  it('has one tone by severity', () => {
    expect(['firing', 'escalated', 'resolved'].map((kind) => dotOf(kind, 'warn'))).toEqual(['warn', 'warn', 'ok'])
    expect(dotOf('firing', 'critical')).toBe('crit')
  })
  it('shows what stands between backticks as code, and markup as text', () => {
    const { container } = render(<p>{coded('Look with `df -h` at <b>it</b>')}</p>)
    expect(container.querySelector('code')?.textContent).toBe('df -h')
    expect(container.textContent).toBe('Look with df -h at <b>it</b>')
  })
  it('says of a silence how long it lasts by now', () => {
    const one = { metric: 'silent_seconds', value: 60, heard: 100, since: 130, until: null }
    expect(valueText(one, 520)).toBe('7 min')
    expect(valueText({ ...one, value: 0.019, until: 400 }, 520)).toBe('5 min')
  })
  it('tells each step, each message and what the provider said', () => {
    const told = {
      channel: 'Ops mail',
      kind: 'email',
      to: 'ops@example.org',
      attempts: 1,
      due: 90,
      sent: 90,
      error: '',
      instead: '',
    }
    render(
      <Timeline
        incident={{ title: '', severity: 'warn' }}
        at={100}
        entries={[
          {
            at: 90,
            kind: 'firing',
            text: 'CPU on web-1 is above 95 %',
            held: '',
            told: 90,
            tells: [],
            more: 0,
            by: '',
            deliveries: [
              { ...told, state: 'sent', answer: '250 OK queued' },
              {
                ...told,
                channel: 'Slack',
                state: 'waiting',
                due: 112,
                attempts: 2,
                error: 'HTTP 503',
                answer: '',
                sent: null,
              },
            ],
          },
          {
            at: 220,
            kind: 'step',
            text: '',
            step: 'on_call',
            args: { name: 'Database' },
            chain: 'Night',
            place: 2,
            due: 220,
            done: null,
          },
        ]}
      />,
    )
    expect(screen.getByText('250 OK queued')).toBeTruthy()
    expect(screen.getByText('HTTP 503')).toBeTruthy()
    expect(screen.getByText(/failed, tried again in 12 s/)).toBeTruthy()
    expect(screen.getByText(/Tell who is on call: Database/)).toBeTruthy()
    expect(screen.getByText(/in 2 min/)).toBeTruthy()
  })
  it('says steps in words', () => expect(stepText({ step: 'wait', args: { seconds: 300 } })).toBe('Wait 5 min'))
  it('takes a note', async () => {
    const asked = answers([200, {}])
    const done = vi.fn()
    render(<Note incident={incident()} onDone={done} />)
    await userEvent.type(screen.getByLabelText('A note for the others'), 'looking{Enter}')
    await waitFor(() => expect(done).toHaveBeenCalled())
    expect(asked[0]).toEqual({ url: '/api/v1/incidents/i1/note', method: 'POST', body: { text: 'looking' } })
  })
})
