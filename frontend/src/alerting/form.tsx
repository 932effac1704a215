// What forms are made of: fields that say their fault, amounts with units, a button that asks once more.
import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { HttpError } from '../live/http'
import { t } from '../words'

export type Faults = Record<string, string>

/** One request at a time: its faults by field, what else went wrong, and whether it is under way. */
export function useSend() {
  const [busy, setBusy] = useState(false)
  const [faults, setFaults] = useState<Faults>({})
  const [failure, setFailure] = useState('')
  const box = useRef<HTMLFormElement>(null)
  useEffect(() => {
    // whoever cannot see the page is led to what must be mended
    const said = Object.values(faults)
    if (!said.length || !box.current) return
    box.current.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
    // what stands at its fields is not said at the foot again
    const shown = [...box.current.querySelectorAll('.fault')].map((one) => (one.textContent ?? '').slice(1))
    if (said.every((one) => shown.some((text) => text && one.endsWith(text)))) setFailure('')
  }, [faults])
  const run = async (ask: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true)
    setFailure('')
    try {
      await ask()
      setFaults({})
      return true
    } catch (error) {
      const fields = error instanceof HttpError ? error.fields : {}
      setFaults(fields)
      setFailure(error instanceof Error ? error.message : String(error))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { busy, faults, failure, run, box, setFaults, setFailure }
}
interface Attrs {
  id: string
  'aria-describedby'?: string
  'aria-invalid'?: true
}
/** A label, its input, help, and the fault of the last try, tied together for everybody. */
export function Field({
  label,
  help,
  fault,
  hidden,
  children,
}: {
  label: string
  help?: ReactNode
  fault?: string
  hidden?: boolean // the sentence around it says what it is; the label is for those who hear the page
  children: (attrs: Attrs) => ReactNode
}) {
  const id = useId()
  const said = [help ? `${id}h` : '', fault ? `${id}f` : ''].filter(Boolean).join(' ')
  return (
    <div className={`field${hidden ? ' inline' : ''}`}>
      <label htmlFor={id} className={hidden ? 'sr' : undefined}>
        {label}
      </label>
      {children({ id, 'aria-describedby': said || undefined, 'aria-invalid': fault ? true : undefined })}
      {help && (
        <p className="help" id={`${id}h`}>
          {help}
        </p>
      )}
      {fault && (
        <p className="fault" id={`${id}f`}>
          {fault}
        </p>
      )}
    </div>
  )
}
interface Common {
  label: string
  help?: ReactNode
  fault?: string
  hidden?: boolean
}
export function Text({
  value,
  onChange,
  suggest,
  type = 'text',
  placeholder,
  required,
  ...field
}: Common & {
  value: string
  onChange: (value: string) => void
  suggest?: ReadonlyArray<string | readonly [string, string]>
  type?: string
  placeholder?: string
  required?: boolean
}) {
  const list = useId()
  return (
    <Field {...field}>
      {(attrs) => (
        <>
          <input
            {...attrs}
            className="inp"
            type={type}
            value={value}
            placeholder={placeholder}
            required={required}
            autoComplete={type === 'password' ? 'new-password' : 'off'}
            list={suggest ? list : undefined}
            onChange={(e) => onChange(e.target.value)}
          />
          {suggest && (
            <datalist id={list}>
              {suggest.map((one) => {
                const [value, label] = typeof one === 'string' ? [one, undefined] : one
                return <option key={value} value={value} label={label} />
              })}
            </datalist>
          )}
        </>
      )}
    </Field>
  )
}
export function Long({
  value,
  onChange,
  rows = 2,
  ...field
}: Common & { value: string; onChange: (value: string) => void; rows?: number }) {
  return (
    <Field {...field}>
      {(attrs) => (
        <textarea {...attrs} className="inp" rows={rows} value={value} onChange={(e) => onChange(e.target.value)} />
      )}
    </Field>
  )
}
type Options = ReadonlyArray<readonly [string, string]>
export function Pick({
  value,
  onChange,
  options,
  groups,
  ...field
}: Common & {
  value: string
  onChange: (value: string) => void
  options: Options
  groups?: ReadonlyArray<readonly [string, Options]>
}) {
  const made = (list: Options) =>
    list.map(([value, label]) => (
      <option key={value} value={value}>
        {label}
      </option>
    ))
  return (
    <Field {...field}>
      {(attrs) => (
        <select {...attrs} className="inp" value={value} onChange={(e) => onChange(e.target.value)}>
          {made(options)}
          {groups?.map(
            ([label, list]) =>
              list.length > 0 && (
                <optgroup key={label} label={label}>
                  {made(list)}
                </optgroup>
              ),
          )}
        </select>
      )}
    </Field>
  )
}
export function Tick({
  label,
  help,
  checked,
  onChange,
}: {
  label: string
  help?: string
  checked: boolean
  onChange: (checked: boolean) => void
}) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={(e) => onChange(e.target.checked)} />
      <span>
        {label}
        {help && <small>{help}</small>}
      </span>
    </label>
  )
}
type Scales = ReadonlyArray<readonly [number, string]>
export const TIMES: Scales = [
  [1, 's'],
  [60, 'min'],
  [3600, 'h'],
  [86400, 'd'],
]
export const BYTES: Scales = [
  [1, 'B'],
  [1e3, 'kB'],
  [1e6, 'MB'],
  [1e9, 'GB'],
  [1e12, 'TB'],
]
/** The scales in which the values of a metric are written. */
export function scalesOf(metric: string): Scales {
  if (metric.endsWith('_bytes_per_second')) return BYTES.map(([size, unit]) => [size, `${unit}/s`])
  if (metric.endsWith('_bytes')) return BYTES
  if (metric.endsWith('_seconds') || metric === 'forecast_seconds_left') return TIMES
  if (metric.endsWith('_per_second')) return [[1, '/s']]
  if (metric.endsWith('_percent')) return [[1, '%']]
  if (metric.endsWith('_celsius')) return [[1, '°C']]
  return [[1, '']]
}
/** The largest scale in which a value is still a plain number. */
export function scaleOf(value: number | null, scales: Scales): number {
  if (!value) return scales[Math.min(1, scales.length - 1)]?.[0] ?? 1
  const fits = scales.filter(([size]) => Math.abs(value) >= size && Math.abs((value / size) * 100) % 1 < 1e-9)
  return fits[fits.length - 1]?.[0] ?? scales[0]?.[0] ?? 1
}
/** A number with its unit; empty is null. It is told in the base unit, whatever is shown. */
export function Amount({
  value,
  onChange,
  scales,
  ...field
}: Common & { value: number | null; onChange: (value: number | null) => void; scales: Scales }) {
  const [scale, setScale] = useState(() => scaleOf(value, scales))
  const size = scales.some(([one]) => one === scale) ? scale : scaleOf(value, scales)
  const write = (of: number | null) => (of === null ? '' : String(+(of / size).toPrecision(12)))
  const [typed, setTyped] = useState<string | null>(null)
  const unit = scales.find(([one]) => one === size)?.[1] ?? ''
  return (
    <Field {...field}>
      {(attrs) => (
        <span className="amount">
          <input
            {...attrs}
            className="inp num"
            type="number"
            step="any"
            inputMode="decimal"
            value={typed ?? write(value)}
            onChange={(e) => {
              setTyped(e.target.value)
              const number = e.target.value.trim() === '' ? null : Number(e.target.value)
              if (number === null || Number.isFinite(number)) onChange(number === null ? null : number * size)
            }}
            onBlur={() => setTyped(null)}
          />
          {scales.length > 1 ? (
            <select
              className="inp"
              aria-label={t('form.unitOf', { label: field.label })}
              value={size}
              onChange={(e) => {
                const next = Number(e.target.value)
                setScale(next)
                if (value !== null) onChange((value / size) * next)
              }}
            >
              {scales.map(([one, name]) => (
                <option key={one} value={one}>
                  {name}
                </option>
              ))}
            </select>
          ) : (
            unit && <span className="unit">{unit}</span>
          )}
        </span>
      )}
    </Field>
  )
}
/** Does something that cannot be undone, once it was asked for twice. */
export function Confirm({
  label,
  question,
  yes,
  busy,
  onYes,
}: {
  label: string
  question: string
  yes: string
  busy?: boolean
  onYes: () => void
}) {
  const [asked, setAsked] = useState(false)
  const first = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (asked) first.current?.focus()
  }, [asked])
  if (!asked)
    return (
      <button type="button" className="btn danger" onClick={() => setAsked(true)}>
        {label}
      </button>
    )
  return (
    // biome-ignore lint/a11y/useSemanticElements: a question with two answers is no set of fields
    <span className="confirm" role="group" aria-label={question}>
      <span>{question}</span>
      <button type="button" className="btn danger" ref={first} disabled={busy} onClick={onYes}>
        {yes}
      </button>
      <button type="button" className="btn" onClick={() => setAsked(false)}>
        {t('form.keep')}
      </button>
    </span>
  )
}
/** What went wrong or was done, spoken too. */
export const Said = ({ failure, done }: { failure?: string; done?: string }) => (
  <p className={failure ? 'said crit' : 'said ok'} role={failure ? 'alert' : 'status'}>
    {failure || done}
  </p>
)
/** The foot of a form: save, cancel, what went wrong, and the removal of what is edited. */
export function Foot({
  busy,
  save,
  failure,
  wide,
  remove,
  onCancel,
}: {
  busy: boolean
  save: string
  failure: string
  wide?: boolean
  remove?: { label: string; question: string; onYes: () => void }
  onCancel: () => void
}) {
  return (
    <div className={wide ? 'ctl wide' : 'ctl'}>
      <button type="submit" className="btn pri" disabled={busy}>
        {busy ? t('form.saving') : save}
      </button>
      <button type="button" className="btn" onClick={onCancel}>
        {t('form.cancel')}
      </button>
      <Said failure={failure} />
      <span className="sp" />
      {remove && <Confirm {...remove} yes={remove.label} busy={busy} />}
    </div>
  )
}
export const weekdays = (): string[] => {
  const name = new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
    weekday: 'short',
    timeZone: 'UTC',
  })
  return Array.from({ length: 7 }, (_, i) => name.format(new Date(Date.UTC(2024, 0, 1 + i))))
}
/** Days of the week to pick; 0 is Monday. */
export function Days({
  label,
  value,
  onChange,
}: {
  label: string
  value: number[]
  onChange: (days: number[]) => void
}) {
  return (
    <fieldset className="days">
      <legend>{label}</legend>
      <span className="seg">
        {weekdays().map((name, day) => (
          <button
            type="button"
            key={name}
            aria-pressed={value.includes(day)}
            onClick={() =>
              onChange(value.includes(day) ? value.filter((one) => one !== day) : [...value, day].sort((a, b) => a - b))
            }
          >
            {name}
          </button>
        ))}
      </span>
    </fieldset>
  )
}
