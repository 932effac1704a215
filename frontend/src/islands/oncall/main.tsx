import { useSetup } from '../../alerting/page'
import { oncall as oncallTexts } from '../../alerting/texts/oncall'
import { steps as stepsTexts } from '../../alerting/texts/steps'
import type { Chain, Schedule, SetupProps, Target } from '../../alerting/types'
import { bring, w } from '../../alerting/words'
import { mount } from '../../ui/parts'
import { Chains } from './Chains'
import { Schedules } from './Schedules'

export interface OnCallProps extends SetupProps {
  chains: Chain[]
  schedules: Schedule[]
  targets: Target[]
  zones: string[]
  me: string
}
function Page({ first }: { first: OnCallProps }) {
  const [page, again] = useSetup(first)
  return (
    <>
      <div>
        <h1>{w('oncall.title')}</h1>
        <p className="lede">{w('oncall.lede')}</p>
      </div>
      <Schedules page={page} again={again} />
      <Chains page={page} again={again} />
    </>
  )
}
bring(oncallTexts, stepsTexts)
mount<OnCallProps>('oncall', (props) => <Page first={props} />)
