// A time of one's own, from and to, by the clocks of the reader's zone.
import { type FormEvent, useState } from 'react'
import { fromWall, toWall } from '../../charts/zone'
import { zoneName } from '../../format'
import { now } from '../../live/clock'
import { t } from '../../words'
import type { Board } from './board'

export default function Custom({ board, onDone }: { board: Board; onDone: () => void }) {
  const [from, setFrom] = useState(toWall(board.sync.range[0]))
  const [to, setTo] = useState(toWall(board.sync.range[1]))
  const [fault, setFault] = useState('')
  const take = (e: FormEvent) => {
    e.preventDefault()
    const range: [number, number] = [fromWall(from), Math.min(fromWall(to), now())]
    if (!(range[1] - range[0] >= 10)) {
      setFault(t('server.ownFault'))
      return
    }
    board.fix(range)
    onDone()
  }
  return (
    <form className="card own-range" onSubmit={take} aria-label={t('server.own')}>
      <label>
        {t('server.ownFrom')}
        <input type="datetime-local" required value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
      </label>
      <label>
        {t('server.ownTo')}
        <input type="datetime-local" required value={to} onChange={(e) => setTo(e.currentTarget.value)} />
      </label>
      <button type="submit" className="btn pri">
        {t('server.ownShow')}
      </button>
      <span className="dim">{zoneName()}</span>
      <span className="crit" role="alert">
        {fault}
      </span>
    </form>
  )
}
