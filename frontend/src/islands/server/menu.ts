// What may be done from a chart: a rule about it, a link to it, its numbers as a file or table, a question.
import type { Range } from '../../charts/engine'
import { toast } from '../../ui/toast'
import { t } from '../../words'
import type { Board } from './board'
import { write } from './place'
import { type Chart, titleOf } from './series'
import type { PageProps } from './types'

type Menu = Array<[string, string | (() => void)]>
interface Acts {
  onTable: (chart: Chart) => void
  onMoved: (range?: Range) => void
}
export const selectorOf = (name: string): string => (/[\s()"]/.test(name) ? `name:"${name}"` : `name:${name}`)

/** Where a rule about a chart begins: one for each of its metrics, on this server. */
function rules({ spec }: Chart, name: string): Menu {
  const selector = selectorOf(name)
  const metrics = [...new Set(spec.parts.map((part) => part.metric))]
  return metrics.map((metric) => {
    const label = spec.parts.find((part) => part.metric === metric)?.label
    const what = label ? `${titleOf(spec)} (${t(label)})` : titleOf(spec)
    return [
      metrics.length > 1 ? t('chart.ruleOf', { what }) : t('chart.rule'),
      `/rules/new/?${new URLSearchParams({ metric, selector })}`,
    ]
  })
}
export function menuOf(chart: Chart, board: Board, { server, may_manage }: PageProps, acts: Acts): Menu {
  const { sync, place } = board
  const link = async () => {
    const address = location.origin + location.pathname + write({ ...place, chart: chart.spec.id })
    board.show(chart.spec.id)
    try {
      await navigator.clipboard.writeText(address)
      toast(t('chart.copied'))
    } catch {
      toast(t('chart.copyFailed', { address })) // the address bar has it as well
    }
  }
  const query = new URLSearchParams(chart.spec.parts.map((part) => ['metric', part.metric]))
  query.set('start', String(Math.floor(sync.range[0])))
  query.set('end', String(Math.ceil(sync.range[1])))
  return [
    ...(may_manage ? rules(chart, server.name) : []),
    [t('server.moved'), () => acts.onMoved()],
    [t('chart.table'), () => acts.onTable(chart)],
    [t('chart.csv'), `/api/v1/servers/${server.id}/series.csv?${query}`],
    [t('chart.link'), () => void link()],
  ]
}
