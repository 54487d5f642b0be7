/**
 * The choice that `Accept` prefers (RFC 9110, 12.5.1). Among equal weights, the first one named.
 * @param choices media types by choice, ranges such as `text/*` among them
 * @param otherwise if it names none of them
 */
export function preferred<Choice extends string>(
  accept: string | undefined,
  choices: Readonly<Record<Choice, readonly string[]>>,
  otherwise: Choice,
): Choice {
  let best = { weight: 0, choice: otherwise }
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim())
    const q = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
    const weight = q === undefined ? 1 : Number(q)
    const choice = (Object.keys(choices) as Choice[]).find(name => choices[name].includes(type))
    if (choice !== undefined && weight > best.weight) best = { weight, choice }
  }
  return best.choice
}
