// How chains and schedules begin: a name, and the team whose it is for whoever manages several.
import { Pick, Text } from '../../alerting/form'
import { t } from '../../words'

export function NameAndTeam({
  label,
  name,
  fault,
  teams,
  team,
  setName,
  setTeam,
}: {
  label: string
  name: string
  fault: string | undefined
  teams: string[] // to choose from; one that is made already stays where it is
  team: string
  setName: (name: string) => void
  setTeam: (team: string) => void
}) {
  return (
    <>
      <Text label={label} value={name} fault={fault} required onChange={setName} />
      {teams.length > 1 && (
        <Pick label={t('team')} value={team} options={teams.map((one) => [one, one] as const)} onChange={setTeam} />
      )}
    </>
  )
}
