import { isDeepStrictEqual } from 'node:util'
import type { Field } from './contestants.ts'
import { callerOf } from './scenarios.ts'

/**
 * Sends the same requests to every contestant, since only programs with equal responses can be
 * compared.
 * @throws if responses differ in more than ids and times
 */
export async function compareAnswers({ contestants, people: [person] }: Field): Promise<void> {
  const answers: unknown[] = []
  for (const contestant of contestants) {
    const { call, collection } = callerOf(contestant, person)
    const body = JSON.stringify({ title: 'Compare', description: 'the answers' })
    const created = await call({ method: 'POST', path: collection, body })
    const path = `${collection}/${(created.body as { id: number }).id}`
    const read = await call({ method: 'GET', path })
    const updated = await call({ method: 'PUT', path, body: JSON.stringify({ title: 'Compared' }) })
    const toggled = await call({ method: 'PATCH', path: `${path}/complete` })
    const listed = await call({ method: 'GET', path: `${collection}?limit=50` })
    const removed = await call({ method: 'DELETE', path })
    const gone = await call({ method: 'GET', path: `${collection}?limit=50` })
    const all = [created, read, updated, toggled, listed, removed, gone]
    answers.push(withoutVariables(all.map(({ status, body }) => ({ status, body }))))
  }
  const differing = contestants.filter((_, n) => !isDeepStrictEqual(answers[n], answers[0]))
  if (differing.length === 0) return
  const names = differing.map(({ name }) => name).join('; ')
  throw new Error(`${names}: responses differ from ${contestants[0]?.name}. ${JSON.stringify(answers)}`)
}

function withoutVariables(answers: unknown[]): unknown {
  const vary = new Set(['id', 'created_at', 'updated_at'])
  return JSON.parse(JSON.stringify(answers, (key, value) => (vary.has(key) ? typeof value : value)))
}
