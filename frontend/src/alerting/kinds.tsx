// Kinds of channels and the fields of their configuration, drawn from what the hub says of each.
import { useEffect, useState } from 'react'
import { getJson } from '../live/http'
import { t } from '../words'
import { type Faults, Long, Pick, Text, Tick } from './form'
import type { ChannelKind, KindField } from './types'

export type Config = Record<string, string | boolean>

export function useKinds(): { kinds: ChannelKind[]; failure: string } {
  const [state, setState] = useState<{ kinds: ChannelKind[]; failure: string }>({ kinds: [], failure: '' })
  useEffect(() => {
    getJson<ChannelKind[]>('/api/v1/channels/kinds')
      .then((kinds) => setState({ kinds, failure: '' }))
      .catch((error: unknown) => setState({ kinds: [], failure: error instanceof Error ? error.message : '' }))
  }, [])
  return state
}
/** What is sent: what was filled in, lists as lists, numbers as numbers. Empty secrets are left out: they stay. */
export function configOf(fields: KindField[], typed: Config): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const { name, type } of fields) {
    const value = typed[name]
    if (value === undefined || value === '') continue
    if (type === 'list')
      found[name] = String(value)
        .split(/[\n,]/)
        .map((one) => one.trim())
        .filter(Boolean)
    else found[name] = type === 'number' ? Number(value) : value
  }
  return found
}
/** "config.url must be an address" is said at that field, which needs no name again. */
const OWN = /^config\.(\w+):? (.)/
/** The fault of a field, however the hub names it; what names no field of ours stands with the first. */
export const faultOf = (faults: Faults, fields: KindField[], name: string): string | undefined => {
  const own = faults[`config.${name}`] ?? faults[name]
  const whole = faults.config
  if (own || !whole) return own
  const [start, meant, first] = OWN.exec(whole) ?? []
  if (start && first && fields.some((one) => one.name === meant))
    return meant === name ? first.toUpperCase() + whole.slice(start.length) : undefined
  const named = fields.find((one) => new RegExp(`\\b${one.name}\\b`).test(whole)) ?? fields[0]
  return named?.name === name ? whole : undefined
}
export function ConfigFields({
  fields,
  value,
  onChange,
  faults,
  stored,
}: {
  fields: KindField[]
  value: Config
  onChange: (value: Config) => void
  faults: Faults
  stored?: boolean // it has values already, which are never shown
}) {
  const set = (name: string, next: string | boolean) => onChange({ ...value, [name]: next })
  return (
    <>
      {fields.map((field) => {
        const { name, type = 'text', secret, choices } = field
        const text = String(value[name] ?? '')
        const common = { label: field.label, help: field.help || undefined, fault: faultOf(faults, fields, name) }
        if (type === 'tick')
          return (
            <Tick
              key={name}
              label={field.label}
              help={field.help}
              checked={value[name] === true}
              onChange={(on) => set(name, on)}
            />
          )
        if (type === 'choice' && choices) {
          const options = choices.map((one) => (typeof one === 'string' ? ([one, one] as const) : one))
          return (
            <Pick
              key={name}
              {...common}
              value={text}
              options={[['', '–'], ...options]}
              onChange={(v) => set(name, v)}
            />
          )
        }
        if (type === 'long' || type === 'list')
          return <Long key={name} {...common} value={text} onChange={(v) => set(name, v)} />
        return (
          <Text
            key={name}
            {...common}
            type={secret ? 'password' : type === 'number' ? 'number' : 'text'}
            placeholder={stored ? t('channel.kept') : undefined}
            value={text}
            required={field.required && !stored}
            onChange={(v) => set(name, v)}
          />
        )
      })}
    </>
  )
}
interface Tested {
  sent?: number
  detail?: string
  answers?: Array<{ to: string; ok: boolean; answer: string }>
}
/** What the provider said to a test, word for word. */
export function said(answer: Tested | null): string {
  if (answer?.answers?.length)
    return answer.answers
      .map((one) => [one.to, one.answer || t('channel.noAnswer')].filter(Boolean).join(': '))
      .join('\n')
  return answer?.detail ?? t('channel.noAnswer')
}
export type { Tested }
