// The same server for who wants to know three things: is it up, is it safe, what comes next.
import type { ReactNode } from 'react'
import { ago } from '../../format'
import { Shape, type Tone, useNow } from '../../ui/parts'
import { t, tn } from '../../words'
import { useNewest } from './present'
import { pace } from './Rail'
import type { PageProps } from './types'
import './later.css'

const ASKED = ['updates_security', 'reboot_required', 'disk_used_bytes', 'disk_total_bytes']
const WEEK = 7 * 86400
type Said = [Tone, string, string]

function up({ server }: PageProps, at: number): Said {
  const age = server.seen === null ? '' : ago(at - server.seen)
  if (server.reach === 'new') return ['off', t('plain.notYet'), t('plain.notYetMore')]
  if (server.reach === 'paused') return ['info', t('plain.paused'), t('server.pausedLede')]
  if (server.reach === 'down') return ['crit', t('plain.silent'), t('plain.silentMore', { age })]
  return ['ok', t('plain.works'), t('plain.heard', { age })]
}
export default function Simple({ props, children }: { props: PageProps; children: ReactNode }) {
  const at = useNow(5000)
  const found = useNewest(props.server.id, ASKED, WEEK, null)
  const values = found instanceof Map ? found : null
  const { troubles } = props.story
  const urgent = values?.get('updates_security')?.[0]?.value ?? null
  const restart = (values?.get('reboot_required')?.[0]?.value ?? 0) > 0
  const safe: Said =
    urgent === null
      ? ['off', t('plain.safeUnknown'), t('plain.safeUnknownMore')]
      : urgent > 0
        ? ['warn', tn('state.security', urgent), t('plain.safeDo')]
        : restart
          ? ['warn', t('state.reboot'), t('plain.restartDo')]
          : ['ok', t('plain.safe'), t('plain.safeMore')]
  const filling = (values?.get('disk_used_bytes') ?? [])
    .map((used): Said | null => {
      const total = values?.get('disk_total_bytes')?.find(({ labels }) => labels.mount === used.labels.mount)?.value
      const [words, soon] = total ? pace(used, total, props.full?.[used.labels.mount ?? '']) : ['', false]
      return soon ? ['warn', t('plain.disk', { words }), t('plain.diskDo')] : null
    })
    .find((one) => one !== null)
  const worst = troubles[0]
  const next: Said = worst
    ? // commands are for whoever looks after it, and so is where on the machine it is
      [
        worst.severity === 'critical' ? 'crit' : 'warn',
        worst.incident || worst.kind === 'anomaly' ? worst.rule : worst.title,
        /[`“]/.test(worst.todo) ? t('plain.ask') : worst.todo || t('plain.ask'),
      ]
    : (filling ?? ['ok', t('plain.nothing'), t('plain.nothingMore')])
  const cards: Array<[string, Said]> = [
    [t('plain.cardUp'), up(props, at)],
    [t('plain.cardSafe'), safe],
    [t('plain.cardNext'), next],
  ]
  const bad = cards.some(([, [tone]]) => tone === 'crit' || tone === 'warn')
  return (
    <>
      <p className="verdict">{t(bad || worst ? 'plain.look' : 'plain.fine', { name: props.server.name })}</p>
      <div className="three">
        {cards.map(([title, [tone, text, more]]) => (
          <section className="card pad" key={title} aria-label={title}>
            <h2>{title}</h2>
            <p className={`big ${tone}`}>
              <Shape s={tone} size={12} /> {text}
            </p>
            <p className="mut">{more}</p>
            {title === cards[2]?.[0] && worst?.incident && (
              <a className="btn" href={`/incidents/${worst.incident}/`}>
                {t('story.incident')}
              </a>
            )}
          </section>
        ))}
      </div>
      <details className="more-of">
        <summary>{t('plain.details')}</summary>
        {children}
      </details>
    </>
  )
}
