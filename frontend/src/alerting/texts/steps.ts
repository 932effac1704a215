// Steps of chains, and when they come.
export const steps = {
  'when.now': 'now',
  'when.in': 'in {age}',
  'step.wait': 'Wait {age}',
  'step.person': 'Tell a person',
  'step.personOf': 'Tell {name}',
  'step.on_call': 'Tell who is on call',
  'step.team': 'Tell the whole team',
  'step.channel': 'Tell by',
  'step.raise': 'Raise to critical',
  'step.repeat': 'Begin again, {n} times at most',
} as const
