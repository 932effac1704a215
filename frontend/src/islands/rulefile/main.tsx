import { useState } from 'react'
import { Long, Pick, Said, Tick, useSend } from '../../alerting/form'
import type { SetupProps } from '../../alerting/types'
import { sendText } from '../../live/http'
import { mount } from '../../ui/parts'
import { t, tn } from '../../words'

interface FileProps extends SetupProps {
  teams: string[]
}
interface Plan {
  lines: string[]
  same: number
  warnings: string[]
}
const PATH = '/api/v1/rules/file'
const TONES: Record<string, string> = { '+': 'ok', '~': 'warn', '-': 'crit' }

function Bring({ team }: { team: string }) {
  const [text, setText] = useState('')
  const [prune, setPrune] = useState(false)
  const [plan, setPlan] = useState<Plan | null>(null)
  const [done, setDone] = useState(false)
  const { busy, faults, failure, run, box, setFaults, setFailure } = useSend()
  // a plan speaks of one text alone: whatever changes, it must be made anew before it can be applied
  const stale = () => {
    setPlan(null)
    setDone(false)
    setFaults({})
    setFailure('')
  }
  const ask = (dry: boolean) =>
    sendText<Plan>(`${PATH}?${new URLSearchParams({ team, prune: String(prune), dry_run: String(dry) })}`, text)
  const look = async () => {
    stale()
    await run(async () => setPlan(await ask(true)))
  }
  const apply = async () => {
    if (await run(() => ask(false))) {
      setPlan(null)
      setDone(true)
    }
  }
  return (
    <form
      className="card form stack"
      aria-label={t('file.in')}
      ref={box}
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        void look()
      }}
    >
      <div>
        <h2>{t('file.in')}</h2>
        <p className="mut">{t('file.inLede')}</p>
      </div>
      <label className="field">
        <span className="label">{t('file.choose')}</span>
        <input
          type="file"
          className="inp"
          accept=".yaml,.yml,application/yaml,text/plain"
          onChange={(e) => {
            const file = e.target.files?.[0]
            stale()
            if (file) void file.text().then(setText)
          }}
        />
      </label>
      <Long
        label={t('file.text')}
        value={text}
        rows={10}
        fault={faults.file}
        onChange={(next) => {
          setText(next)
          stale()
        }}
      />
      <Tick
        label={t('file.prune')}
        help={t('file.pruneHelp')}
        checked={prune}
        onChange={(on) => {
          setPrune(on)
          stale()
        }}
      />
      {plan && (
        <section aria-label={t('file.planned')}>
          <h3>{t(plan.lines.length ? 'file.planned' : 'file.nothing')}</h3>
          <ul className="plan mono">
            {plan.lines.map((line) => (
              <li key={line} className={TONES[line.charAt(0)]}>
                {line}
              </li>
            ))}
          </ul>
          {plan.lines.length > 0 && <p className="mut">{tn('file.same', plan.same)}</p>}
          {plan.warnings.map((one) => (
            <p className="warn" key={one}>
              {one}
            </p>
          ))}
        </section>
      )}
      <div className="ctl">
        <button type="submit" className={plan ? 'btn' : 'btn pri'} disabled={busy || !text.trim()}>
          {t(busy ? 'file.planning' : 'file.plan')}
        </button>
        {plan && plan.lines.length > 0 && (
          <button type="button" className="btn pri" disabled={busy} onClick={() => void apply()}>
            {tn('file.apply', plan.lines.length)}
          </button>
        )}
        <Said failure={faults.file ? '' : failure} done={done ? t('file.done') : ''} />
        {done && (
          <a className="btn sm" href="/rules/">
            {t('file.toRules')}
          </a>
        )}
      </div>
    </form>
  )
}
function Page({ page }: { page: FileProps }) {
  const [team, setTeam] = useState(page.manages[0] ?? page.teams[0] ?? '')
  return (
    <>
      <div>
        <nav className="crumb" aria-label={t('crumb')}>
          <a href="/rules/">{t('file.rules')}</a>
          <span aria-hidden="true">/</span>
          <span>{t('file.title')}</span>
        </nav>
        <h1>{t('file.title')}</h1>
        <p className="lede">{t('file.lede')}</p>
      </div>
      {page.teams.length > 1 && (
        <div className="ctl">
          <Pick
            label={t('team')}
            value={team}
            options={page.teams.map((one) => [one, one] as const)}
            onChange={setTeam}
          />
        </div>
      )}
      <section className="card thing" aria-label={t('file.out')}>
        <div className="what">
          <h2 className="t">{t('file.out')}</h2>
          <p className="d mut">{t('file.outLede')}</p>
        </div>
        <div className="a">
          <a className="btn" href={`${PATH}?${new URLSearchParams({ team })}`} download="rules.yaml">
            {t('file.download')}
          </a>
        </div>
      </section>
      {page.manages.includes(team) ? (
        <Bring key={team} team={team} />
      ) : (
        <p className="card hint pad-all">{t('file.askAdmin')}</p>
      )}
    </>
  )
}
mount<FileProps>('rulefile', (props) => <Page page={props} />)
