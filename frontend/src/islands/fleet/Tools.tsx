// Columns and saved views: menus that come after the table stands.
import { useRef, useState } from 'react'
import { getJson, post, send } from '../../live/http'
import { toast } from '../../ui/toast'
import { t } from '../../words'
import { COLUMNS, type Column, USUAL } from './rows'
import { headOf } from './Table'

interface View {
  id: string
  team: string | null
  name: string
  query: string
  mine: boolean
}
const KEPT = ['group', 'by', 'q', 'show', 'sort', 'cols']
const queryOf = (params: URLSearchParams): string =>
  new URLSearchParams([...params].filter(([key]) => KEPT.includes(key))).toString()
const why = (error: unknown): string => (error instanceof Error ? error.message : '')

function ColumnMenu({
  columns,
  change,
}: {
  columns: Column[]
  change: (wanted: Record<string, string | null>) => void
}) {
  const flip = (column: Column) => {
    const next = COLUMNS.filter((one) => columns.includes(one) !== (one === column))
    if (next.length) change({ cols: next.join() === USUAL.join() ? null : next.join() })
  }
  return (
    <details className="drop">
      <summary className="btn">{t('fleet.columns')}</summary>
      <fieldset className="menu" aria-label={t('fleet.columns')}>
        {COLUMNS.map((column) => (
          <label key={column}>
            <input type="checkbox" checked={columns.includes(column)} onChange={() => flip(column)} />
            {headOf(column)}
          </label>
        ))}
      </fieldset>
    </details>
  )
}
function Save({ teams, query, onSaved }: { teams: string[]; query: string; onSaved: () => void }) {
  const [name, setName] = useState('')
  const [team, setTeam] = useState('')
  const [fault, setFault] = useState('')
  const save = async (event: React.FormEvent) => {
    event.preventDefault()
    try {
      await post('/api/v1/views', { name, team: team || null, query })
      setName('')
      setFault('')
      toast(t('views.saved', { name }))
      onSaved()
    } catch (error) {
      const fields = (error as { fields?: Record<string, string> }).fields
      setFault(fields?.name ?? why(error))
    }
  }
  return (
    <form onSubmit={save}>
      <label>
        {t('views.name')}
        <input className="inp" required maxLength={60} value={name} onChange={(e) => setName(e.target.value)} />
      </label>
      {teams.length > 0 && (
        <label>
          {t('views.for')}
          <select className="inp" value={team} onChange={(e) => setTeam(e.target.value)}>
            <option value="">{t('views.onlyMe')}</option>
            {teams.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      )}
      {fault && (
        <p className="crit" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" className="btn">
        {t('views.save')}
      </button>
    </form>
  )
}
function ViewMenu({
  teams,
  params,
  whole,
}: {
  teams: string[]
  params: URLSearchParams
  whole: (query: string) => void
}) {
  const [views, setViews] = useState<View[] | null>(null)
  const [fault, setFault] = useState('')
  const box = useRef<HTMLDetailsElement>(null)
  const load = () =>
    getJson<{ results: View[] }>('/api/v1/views?page_size=200').then(
      (page) => setViews(page.results),
      (error) => setFault(why(error)),
    )
  const query = queryOf(params)
  const remove = async (view: View) => {
    try {
      await send('DELETE', `/api/v1/views/${view.id}`)
      await load()
      toast(t('views.removed', { name: view.name }), {
        undo: () => post('/api/v1/views', { name: view.name, team: view.team, query: view.query }).then(load),
      })
    } catch (error) {
      toast(why(error), { tone: 'crit' })
    }
  }
  return (
    <details ref={box} className="drop" onToggle={(e) => e.currentTarget.open && void load()}>
      <summary className="btn">{t('views.title')}</summary>
      <div className="menu">
        {fault && <p className="crit">{fault}</p>}
        {views?.length === 0 && <p className="dim">{t('views.none')}</p>}
        <ul>
          {views?.map((view) => (
            <li key={view.id}>
              <a
                href={`?${view.query}`}
                aria-current={view.query === query ? 'true' : undefined}
                onClick={(event) => {
                  event.preventDefault()
                  whole(view.query)
                  box.current?.removeAttribute('open')
                }}
              >
                {view.name} <span className="dim">{view.team ?? t('views.onlyMe')}</span>
              </a>
              {(view.team === null || teams.includes(view.team)) && (
                <button
                  type="button"
                  className="btn ghost sm"
                  aria-label={t('form.removeOf', { name: view.name })}
                  onClick={() => void remove(view)}
                >
                  ×
                </button>
              )}
            </li>
          ))}
        </ul>
        <Save teams={teams} query={query} onSaved={load} />
      </div>
    </details>
  )
}
interface Props {
  columns: Column[]
  teams: string[]
  params: URLSearchParams
  change: (wanted: Record<string, string | null>) => void
  whole: (query: string) => void
}
export default function Tools({ columns, teams, params, change, whole }: Props) {
  return (
    <>
      <ColumnMenu columns={columns} change={change} />
      <ViewMenu teams={teams} params={params} whole={whole} />
    </>
  )
}
