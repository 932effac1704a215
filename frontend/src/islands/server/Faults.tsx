// What could not be had, said in place of a guess, with a way to ask again.
import { useNow } from '../../ui/parts'
import { t } from '../../words'
import type { Board } from './board'

export default function Faults({ board }: { board: Board }) {
  const { loaded, partial, place, again, charts, sync, interval } = board
  const at = useNow(5000)
  const goesOn = sync.live && charts.some(({ data }) => at - (data.t.at(-1) ?? 0) < 3 * interval)
  return (
    <>
      {place.odd && (
        <p className="card note" role="status">
          {t('server.oddRange')}
        </p>
      )}
      {typeof loaded === 'object' && (
        <p className="card note crit" role="alert">
          {t('server.historyFailed', { why: loaded.failed })} {goesOn && t('server.goesOn')}{' '}
          <button type="button" className="btn sm" onClick={again}>
            {t('server.retry')}
          </button>
        </p>
      )}
      {partial.length > 0 && loaded === 'ready' && (
        <p className="card note" role="status">
          {t('server.partial', { why: [...new Set(partial)].join(' ') })}{' '}
          <button type="button" className="btn sm" onClick={again}>
            {t('server.retry')}
          </button>
        </p>
      )}
    </>
  )
}
