// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Amount, Confirm, scaleOf, scalesOf, Text, TIMES, useSend } from '../src/alerting/form'
import { configOf, faultOf, said } from '../src/alerting/kinds'
import type { Channel, Metric, Rule } from '../src/alerting/types'
import { moment, wall } from '../src/alerting/zones'
import { rounded } from '../src/islands/rule/Handle'
import { answers } from './answers'
import { incident } from './rows'
import '../src/islands/alerts/main'
import { Row } from '../src/islands/alerts/Row'
import { healthOf } from '../src/islands/channels/main'
import { asKind, blank, body, joined, readLabels, terms, writeLabels } from '../src/islands/rule/model'
import { speaksOf, verdict } from '../src/islands/rule/Preview'
import { Spoken, Tell } from '../src/islands/rule/Sentence'
import '../src/islands/rule/main'
import '../src/islands/incident/main'
import { daysOf, on as onDay, plus } from '../src/islands/oncall/Calendar'
import { turnsWords } from '../src/islands/oncall/ScheduleForm'
import { bodyOf, Form, type SilencesProps, whenOf } from '../src/islands/silences/main'
import { firstDate, fromRule, toRule, usual } from '../src/islands/silences/recur'
import { flat } from '../src/live/http'
import { flip } from '../src/switches'
import type { Incident } from '../src/types'

afterEach(() => {
  vi.useRealTimers()
  cleanup()
  vi.unstubAllGlobals()
})
const METRICS = [
  {
    name: 'cpu_used_percent',
    title: 'CPU used',
    meaning: '',
    unit: '%',
    op: 'above' as const,
    warn: 85,
    critical: 95,
    labels: [],
  },
]
const start = { metrics: METRICS, manages: ['Main'], start: { metric: 'cpu_used_percent', selector: '' } }
const rule = (part: Partial<Rule> = {}): Rule => ({ ...blank(start), ...part })

describe('times of a zone', () => {
  it('are the same moment whatever the zone of the browser', () => {
    expect(moment('2026-11-21T02:30', 'UTC')).toBe(Date.UTC(2026, 10, 21, 2, 30) / 1000)
    expect(moment('2026-07-01T09:00', 'Europe/Copenhagen')).toBe(Date.UTC(2026, 6, 1, 7, 0) / 1000)
    expect(moment('2026-12-01T09:00', 'America/Sao_Paulo')).toBe(Date.UTC(2026, 11, 1, 12, 0) / 1000)
    expect(wall(Date.UTC(2026, 6, 1, 7, 0) / 1000, 'Europe/Copenhagen')).toBe('2026-07-01T09:00')
  })
  it('that daylight saving leaves out are the ones just after', () => {
    expect(wall(moment('2026-03-29T02:30', 'Europe/Copenhagen'), 'Europe/Copenhagen')).toBe('2026-03-29T03:30')
  })
  it('that nobody can read are no moment', () => expect(moment('', 'UTC')).toBeNaN())
})
describe('a recurring silence', () => {
  it.each([
    [{ ...usual, every: 'day' as const }, 'FREQ=DAILY'],
    [{ ...usual, days: [0, 6] }, 'FREQ=WEEKLY;BYDAY=MO,SU'],
    [{ ...usual, every: 'month' as const, date: 15 }, 'FREQ=MONTHLY;BYMONTHDAY=15'],
    [{ ...usual, every: 'nth' as const, nth: -1, day: 4 }, 'FREQ=MONTHLY;BYDAY=-1FR'],
  ])('is written and read the same', (how, rrule) => {
    expect(toRule(how)).toBe(rrule)
    expect(toRule(fromRule(rrule) ?? usual)).toBe(rrule)
  })
  it('written by hand is left to the text', () => expect(fromRule('FREQ=WEEKLY;INTERVAL=2;BYDAY=SU')).toBeNull())
  it('starts on the first of its days', () => {
    expect(firstDate('2026-11-21T02:30', usual)).toBe('2026-11-22T02:30')
    expect(firstDate('2026-11-21T02:30', { ...usual, every: 'nth', nth: -1, day: 4 })).toBe('2026-11-27T02:30')
    expect(firstDate('2026-11-21T02:30', { ...usual, every: 'month', date: 1 })).toBe('2026-12-01T02:30')
  })
  const draft = {
    team: 'Main',
    selector: ' tag:db ',
    rule: '',
    often: 'again' as const,
    from: '2026-11-21T02:30',
    until: '',
    how: usual,
    lasts: 7200,
    ends: '',
    zone: 'Europe/Copenhagen',
    reason: ' patching ',
  }
  it('is sent with its first time, its length and its zone', () => {
    expect(bodyOf(draft)).toEqual({
      team: 'Main',
      selector: 'tag:db',
      rule: null,
      starts_at: '2026-11-22T01:30:00.000Z',
      ends_at: null,
      rrule: 'FREQ=WEEKLY;BYDAY=SU',
      duration: 7200,
      zone: 'Europe/Copenhagen',
      reason: 'patching',
    })
    const once = bodyOf({ ...draft, often: 'once', until: '2026-11-21T04:30' })
    expect([once.rrule, once.duration, once.ends_at]).toEqual(['', null, '2026-11-21T03:30:00.000Z'])
  })
  it('of everything is asked about once more, and says what it hits by kind', async () => {
    const page = {
      now: 0,
      acts: ['Main'],
      manages: [],
      silences: [],
      rules: [],
      zones: ['UTC'],
      suggest: [],
      start: { selector: '', rule: '' },
    } as unknown as SilencesProps
    const asked = answers([200, { servers: 2, checks: 2, names: [] }], [201, {}])
    const done = vi.fn()
    render(<Form page={page} onDone={done} />)
    await waitFor(() => expect(screen.getByText(/fall under it/).textContent).toMatch(/2 servers .* So do 2 checks/))
    fireEvent.change(screen.getByLabelText(/Reason/), { target: { value: 'work' } })
    await userEvent.click(screen.getByRole('button', { name: 'Silence' }))
    expect(screen.getByText(/confirm that everything is meant/)).toBeTruthy()
    expect(asked.filter((one) => one.url === '/api/v1/silences')).toEqual([])
    await userEvent.click(screen.getByLabelText(/everything of Main/))
    await userEvent.click(screen.getByRole('button', { name: 'Silence' }))
    await waitFor(() => expect(done).toHaveBeenCalledWith(true))
  })
  it('is told as people say it', () => {
    const row = {
      id: '',
      team: '',
      selector: '',
      rule: '',
      starts: moment('2026-11-22T02:30', 'Europe/Copenhagen'),
      ends: null,
      rrule: 'FREQ=WEEKLY;BYDAY=SU',
      duration: 7200,
      zone: 'Europe/Copenhagen',
      reason: '',
      owner: '',
      ended: null,
      over: false,
      on: false,
      window: null,
    }
    expect(whenOf(row)).toBe('every Sun at 02:30 for 2 h, Europe/Copenhagen')
    const said = (rrule: string) => whenOf({ ...row, rrule })
    // the time is the rule's own where it says one
    expect(said('RRULE:FREQ=DAILY;BYHOUR=4;BYMINUTE=0')).toBe('every day at 04:00 for 2 h, Europe/Copenhagen')
    expect(said('FREQ=WEEKLY')).toBe('every Sun at 02:30 for 2 h, Europe/Copenhagen')
    for (const rule of ['FREQ=WEEKLY;INTERVAL=2;BYDAY=SU', 'FREQ=DAILY;BYHOUR=4,16', 'FREQ=MONTHLY;BYMONTHDAY=1,15'])
      expect(said(rule)).toBe(`${rule}, each for 2 h, Europe/Copenhagen`)
  })
})
describe('the calendar of a schedule', () => {
  it('begins on a Monday and holds every day of its month', () => {
    expect(daysOf('2026-11-21', 'week', 0)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => plus('2026-11-16', i)))
    const november = daysOf('2026-11-21', 'month', 0)
    expect([november[0], november.at(-1), november.length % 7]).toEqual(['2026-10-26', '2026-12-06', 0])
    expect(daysOf('2026-11-30', 'month', 3)[0]).toBe('2027-02-01')
    expect(daysOf('2026-11-21', 'week', -3)[0]).toBe('2026-10-26')
  })
  it('knows whose a day is by its own clock, the day that has 25 hours too', () => {
    const zone = 'Europe/Copenhagen'
    const shift = (from: string, to: string) => ({
      user: 'a',
      name: 'A',
      start: moment(from, zone),
      end: moment(to, zone),
    })
    const list = [shift('2026-10-24T09:00', '2026-10-25T09:00'), shift('2026-10-25T09:00', '2026-10-26T00:00')]
    expect(onDay('2026-10-25', list, zone)).toHaveLength(2)
    expect(onDay('2026-10-26', list, zone)).toHaveLength(0)
  })
})
describe('a limit that is dragged', () => {
  it('is a number that people write', () => {
    expect(rounded(93.4567, 100)).toBe(93)
    expect(rounded(0.123456, 1)).toBe(0.12)
    expect(rounded(1_234_567_890, 4e9)).toBe(1_230_000_000)
  })
})
describe('a row of the inbox', () => {
  const hot = incident({ metric: 'cpu_used_percent', value: 97, newest: 97.25, limit: 90 })
  const doing = { take: vi.fn(), pick: vi.fn(), show: vi.fn() }
  const said = (part: Partial<Incident> = {}, newest?: number | null) => {
    const cause = { incident: { ...hot, ...part }, under: [] }
    const { container } = render(
      <Row cause={cause} at={60} here={false} picked={false} may newest={newest} doing={doing} />,
    )
    return container.querySelector('.mini')?.textContent
  }
  it('says the newest value that is known to be true', () => {
    expect(said()).toBe('97.3\u00a0%')
    expect(said({}, 91)).toBe('91\u00a0%')
    expect(said({}, null)).toBe('')
  })
  it('says none of what is over, or of many at once', () => {
    expect(said({ state: 'resolved', until: 50 })).toBe('')
    expect(said({ members: 41 })).toBe('')
  })
})
describe('a rule while it is written', () => {
  it('starts with what its metric suggests', () => {
    expect(rule()).toMatchObject({ metric: 'cpu_used_percent', warn: 85, critical: 95, op: 'above', team: 'Main' })
  })
  it('is about nothing until somebody says what', () => {
    const untouched = blank({ ...start, start: { metric: '', selector: '' } })
    expect(untouched).toMatchObject({ metric: '', warn: null, critical: null })
    for (const kind of ['change', 'past', 'threshold'] as const)
      expect(asKind(untouched, kind, METRICS).metric).toBe('')
  })
  it('leaves behind what another kind does not know', () => {
    const silent = asKind(rule({ labels: { core: '1' } }), 'no_data', METRICS)
    expect(silent).toMatchObject({
      metric: '',
      warn: null,
      critical: null,
      critical_recover: null,
      for: 60,
      params: {},
    })
    const forecast = asKind(silent, 'forecast', METRICS)
    expect(forecast).toMatchObject({
      metric: 'forecast_seconds_left',
      op: 'below',
      labels: { metric: 'disk_used_percent' },
    })
    expect(asKind(forecast, 'threshold', METRICS)).toMatchObject({ metric: '', labels: {}, critical: null })
  })
  it('is sent without its id and with its edges cut', () => {
    expect(body(rule({ id: 'x', name: ' hot ' }))).not.toHaveProperty('id')
    expect(body(rule({ name: ' hot ' })).name).toBe('hot')
  })
  it('reads labels as people write them', () => {
    expect(readLabels('mount=/, device="sd*"')).toEqual({ mount: '/', device: 'sd*' })
    expect(readLabels(writeLabels({ mount: '/' }))).toEqual({ mount: '/' })
    expect(readLabels('mount')).toBeNull()
  })
  it('joins rules, and leaves to the text what is more than that', () => {
    const [a, b] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002']
    expect(terms(`${a} and not ${b}`)).toEqual({
      join: 'and',
      list: [
        { id: a, not: false },
        { id: b, not: true },
      ],
    })
    expect(
      joined('or', [
        { id: a, not: false },
        { id: b, not: true },
      ]),
    ).toBe(`${a} or not ${b}`)
    expect(terms(`${a} and (${b} or ${a})`)).toBeNull()
    expect(terms('')).toEqual({ join: 'and', list: [] })
  })
  it('speaks of servers, and of checks where it is about them', () => {
    const found = {
      fired: 0,
      night: 0,
      short: 0,
      days: 1,
      servers: 2,
      checks: 2,
      suggested: null,
      chart: null,
      spans: [],
    }
    expect(speaksOf(found, rule())).toBe('It speaks of 2 servers.')
    expect(speaksOf({ ...found, servers: 0 }, rule({ metric: 'check_up' }))).toBe('It speaks of 2 checks.')
  })
  it('hears what it would have done', () => {
    const preview = { fired: 14, night: 3, short: 9, days: 30, servers: 4, suggested: null, chart: null, spans: [] }
    expect(verdict(preview)).toBe('Would have fired 14 times in 30 d, 9 of them under 10 min, 3 at night.')
    expect(verdict({ ...preview, fired: 0 })).toBe('Would not have fired in the last 30 d.')
    for (const [days, span] of [
      [0.0002, '1 min'],
      [0.026, '37 min'],
      [0.5, '12 h'],
      [1, '1 d'],
      [1.5, '1 d 12 h'],
    ] as const)
      expect(verdict({ ...preview, fired: 0, days })).toBe(`Would not have fired in the last ${span}.`)
  })
  it('says a metric by its words, and takes it by them or by its name', async () => {
    const picked = vi.fn()
    const one = (name: string, title: string, unit: string) => ({ ...METRICS[0], name, title, unit }) as Metric
    const metrics = [one('cpu', 'CPU', '%'), one('used_bytes', 'Disk used', 'B'), one('used', 'Disk used', '%')]
    const Held = () => {
      const [value, set] = useState('used')
      const take = (name: string) => {
        set(name)
        picked(name)
      }
      return <Spoken label="Metric" metrics={metrics} value={value} onPick={take} />
    }
    render(<Held />)
    const input = screen.getByLabelText('Metric') as HTMLInputElement
    expect(input.value).toBe('Disk used (%)')
    await userEvent.clear(input)
    await userEvent.type(input, 'disk used (b)')
    expect(picked).toHaveBeenLastCalledWith('used_bytes')
    await userEvent.clear(input)
    await userEvent.type(input, 'cpu')
    expect([input.value, picked.mock.lastCall]).toEqual(['cpu', ['cpu']])
  })
  it('tells whom it names, and takes a name away', async () => {
    const change = vi.fn()
    const targets = [{ kind: 'chain' as const, id: 'c1', name: 'Night watch', team: 'Main' }]
    const { rerender } = render(<Tell value={[]} targets={targets} team="Main" onChange={change} />)
    expect(screen.getByText('the usual people')).toBeTruthy()
    await userEvent.selectOptions(screen.getByLabelText('and …'), 'c1')
    expect(change).toHaveBeenLastCalledWith([{ chain: 'c1' }])
    rerender(<Tell value={[{ chain: 'c1' }]} targets={targets} team="Main" onChange={change} />)
    await userEvent.click(screen.getByLabelText('Remove Night watch'))
    expect(change).toHaveBeenLastCalledWith([])
  })
})
describe('amounts', () => {
  it('are written in the largest unit that keeps them plain', () => {
    expect(scaleOf(300, TIMES)).toBe(60)
    expect(scaleOf(86400, TIMES)).toBe(86400)
    expect(scaleOf(5e9, scalesOf('disk_used_bytes'))).toBe(1e9)
    expect(scalesOf('cpu_used_percent')).toEqual([[1, '%']])
  })
  it('are told in the base unit, and empty is none', () => {
    const change = vi.fn()
    const Held = () => {
      const [value, set] = useState<number | null>(300)
      return (
        <Amount
          label="For"
          value={value}
          scales={TIMES}
          onChange={(next) => {
            set(next)
            change(next)
          }}
        />
      )
    }
    render(<Held />)
    const input = screen.getByLabelText('For') as HTMLInputElement
    expect(input.value).toBe('5')
    fireEvent.change(input, { target: { value: '7' } })
    expect(change).toHaveBeenLastCalledWith(420)
    fireEvent.change(screen.getByLabelText('For: unit'), { target: { value: '3600' } })
    expect(change).toHaveBeenLastCalledWith(7 * 3600)
    fireEvent.change(input, { target: { value: '' } })
    expect(change).toHaveBeenLastCalledWith(null)
  })
})
describe('a form', () => {
  const Form = () => {
    const { faults, failure, run, box } = useSend()
    const save = () =>
      run(() => Promise.reject(new Error('x')).catch(async () => (await import('../src/live/http')).post('/x')))
    return (
      <form ref={box}>
        <Text label="Name" value="" fault={faults.name} onChange={() => undefined} />
        <button type="button" onClick={() => void save()}>
          Save
        </button>
        <p>{failure}</p>
      </form>
    )
  }
  it('says a fault at its field and leads there', async () => {
    answers([400, { error: 'invalid', detail: 'name: taken', fields: { name: ['This name is taken.'] } }])
    render(<Form />)
    fireEvent.click(screen.getByText('Save'))
    const input = await screen.findByLabelText('Name')
    await waitFor(() => expect(input.getAttribute('aria-invalid')).toBe('true'))
    expect(document.getElementById(input.getAttribute('aria-describedby') ?? '')?.textContent).toBe(
      'This name is taken.',
    )
    await waitFor(() => expect(document.activeElement).toBe(input))
  })
  it('says at its field what is wrong with it, without the name that the hub has for it', () => {
    const fields = ['to', 'url'].map((name) => ({ name, label: name }))
    const said = (config: string) => ['to', 'url'].map((name) => faultOf({ config }, fields, name))
    expect(said('config.url: 10.0.0.7 is not public.')).toEqual([undefined, '10.0.0.7 is not public.'])
    expect(said('config.to needs a number.')).toEqual(['Needs a number.', undefined])
    expect(said('Nothing fits.')).toEqual(['Nothing fits.', undefined])
  })
  it('flattens what the hub says of nested fields', () => {
    expect(
      flat({ config: { url: ['Wrong.'] }, steps: ['Step 1: no.', 'Step 2: no.'], rotations: [{}, { days: ['Low.'] }] }),
    ).toEqual({
      'config.url': 'Wrong.',
      steps: 'Step 1: no. Step 2: no.',
      'rotations.1.days': 'Low.',
    })
  })
  it('asks twice before it takes something away', () => {
    const yes = vi.fn()
    render(<Confirm label="Delete" question="Delete it?" yes="Yes" onYes={yes} />)
    fireEvent.click(screen.getByText('Delete'))
    expect(yes).not.toHaveBeenCalled()
    expect(document.activeElement).toBe(screen.getByText('Yes'))
    fireEvent.click(screen.getByText('Yes'))
    expect(yes).toHaveBeenCalledOnce()
  })
  it('turns a switch back when the hub refuses', async () => {
    document.body.innerHTML =
      '<p data-switch-say></p><ul><li class="thing"><button data-switch="/api/v1/rules/1" aria-checked="true"></button></li></ul>'
    const button = document.querySelector('button') as HTMLButtonElement
    const asked = answers([403, { error: 'forbidden', detail: 'Your role does not allow this.' }], [200, {}])
    flip(button)
    button.click()
    await waitFor(() => expect(document.querySelector('[data-switch-say]')?.textContent).toContain('Your role'))
    expect(button.getAttribute('aria-checked')).toBe('true')
    button.click()
    await waitFor(() => expect(button.getAttribute('aria-checked')).toBe('false'))
    expect(asked[1]).toEqual({ url: '/api/v1/rules/1', method: 'PATCH', body: { enabled: false } })
  })
})
describe('turns', () => {
  const turn = { people: ['a'], days: 7, starts_on: '', ends_on: null, hand_over: '09:00' }
  it('are told with their days and hours', () => {
    const said = (weekdays: number[], hours_from: string | null = null, hours_until: string | null = null) =>
      turnsWords({ ...turn, weekdays, hours_from, hours_until }, () => 'Anna')
    expect(said([])).not.toContain(';')
    expect(said([0, 1, 2, 3, 4], '08:00', '17:00')).toMatch(/; Mon–Fri 08:00–17:00$/)
    expect(said([5, 6])).toMatch(/; Sat, Sun$/)
  })
})
describe('a channel', () => {
  const channel = (part: Partial<Channel>): Channel => ({
    id: '',
    team: '',
    name: '',
    kind: 'email',
    enabled: true,
    default: true,
    language: '',
    fallback: null,
    storm_cap: null,
    fault: '',
    resting_until: null,
    failures: 0,
    dead: 0,
    tried: true,
    last_error: '',
    ...part,
  })
  it('says how it does', () => {
    expect(healthOf(channel({}), 0).tone).toBe('ok')
    expect(healthOf(channel({ fault: 'Token revoked.' }), 0)).toMatchObject({ tone: 'crit', why: 'Token revoked.' })
    expect(healthOf(channel({ resting_until: 40, failures: 5 }), 10).why).toContain('30 s')
    expect(healthOf(channel({ enabled: false, fault: 'x' }), 0).tone).toBe('off')
    expect(healthOf(channel({ tried: false }), 0)).toMatchObject({ tone: 'off', word: 'No message yet' })
    expect(healthOf(channel({ last_error: 'No route.' }), 0).why).toBe('The last message failed: No route.')
    expect(healthOf(channel({ dead: 2 }), 0).tone).toBe('warn')
  })
  const fields = [
    { name: 'to', label: 'To', type: 'list' },
    { name: 'secret', label: 'Secret', secret: true },
    { name: 'all', label: 'All', type: 'tick' },
  ]
  it('sends what was typed and nothing of what was left empty', () => {
    expect(configOf(fields, { to: 'a@x.org, b@x.org\nc@x.org', secret: '', all: true })).toEqual({
      to: ['a@x.org', 'b@x.org', 'c@x.org'],
      all: true,
    })
  })
  it('puts a fault of its configuration at the field it names', () => {
    expect(faultOf({ config: 'config.secret must be longer.' }, fields, 'secret')).toContain('longer')
    expect(faultOf({ config: 'config.secret must be longer.' }, fields, 'to')).toBeUndefined()
    expect(faultOf({ config: 'It is wrong.' }, fields, 'to')).toBe('It is wrong.')
  })
  it('repeats what the provider said, word for word', () => {
    expect(said({ sent: 1, answers: [{ to: '+45', ok: true, answer: 'queued SM1' }] })).toBe('+45: queued SM1')
  })
})
