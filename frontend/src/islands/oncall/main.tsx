import { useSetup } from '../../alerting/page'
import type { Chain, Schedule, SetupProps, Target } from '../../alerting/types'
import { mount } from '../../ui/parts'
import { Chains } from './Chains'
import { Schedules } from './Schedules'
import '../../design/alerts.css'
import './oncall.css'

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
      <Schedules page={page} again={again} />
      <Chains page={page} again={again} />
    </>
  )
}
mount<OnCallProps>('oncall', (props) => <Page first={props} />)
