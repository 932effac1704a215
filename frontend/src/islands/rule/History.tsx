// What the rule was before: who changed what, and the way back through the form, so that the preview speaks first.
import type { Rule, Version } from '../../alerting/types'
import { dayTime } from '../../format'
import { toast } from '../../ui/toast'
import { t } from '../../words'

export function History({
  versions,
  may,
  onBack,
}: {
  versions: Version[]
  may: boolean
  onBack: (part: Partial<Rule>) => void
}) {
  return (
    <details className="card more-of">
      <summary>{t('history.title')}</summary>
      {versions.length ? (
        <ol className="facts-of">
          {versions.map((one) => (
            <li key={`${one.at}${one.by}`}>
              <p>
                <b>{one.by}</b> {one.made && t('history.made')}{' '}
                <span className="dim num">
                  {dayTime(one.at)}
                  {one.over && ` · ${one.over}`}
                </span>
              </p>
              <ul>
                {one.changes.map((change) => (
                  <li key={change.field} className="diff num">
                    {change.field}: <del>{change.before}</del> → <ins>{change.after}</ins>
                  </li>
                ))}
              </ul>
              {may && Object.keys(one.back).length > 0 && (
                <button
                  type="button"
                  className="btn sm"
                  onClick={() => {
                    onBack(one.back)
                    toast(t('history.done'))
                  }}
                >
                  {t(one.made ? 'history.backMade' : 'history.back')}
                </button>
              )}
            </li>
          ))}
        </ol>
      ) : (
        <p className="hint pad">{t('history.none')}</p>
      )}
    </details>
  )
}
