import type { FastifyRequest } from 'fastify'
import { suggestion } from '../closest.ts'
import { brokenRules, type FieldProblem } from '../errors.ts'
import { quote } from '../quote.ts'
import type { Route } from './route.ts'

/**
 * Whether a route refuses query parameters that its operation does not have. Front ends send
 * parameters of their own to the other contracts.
 */
export const refusesUnknownNames = ({ path }: Pick<Route, 'path'>): boolean =>
  path.startsWith('/api/v1/') && !/^\/api\/v1\/todos(\/|$)/.test(path)

/**
 * The check of a route's query parameters: each must be one of the operation's, and be given once
 * unless it is an array whose entries are parameters of their own.
 */
export function queryNames(route: Route): (request: FastifyRequest) => void {
  if (!refusesUnknownNames(route)) return () => undefined
  const inQuery = (route.operation.parameters ?? []).filter(parameter => parameter.in === 'query')
  const known = new Map(
    inQuery.map(({ name, schema, explode = true }) => [name, schema.type === 'array' && explode]),
  )
  const names = [...known.keys()]
  const accepted = names.length === 0 ? 'none' : names.join(', ')
  return request => {
    const problems = Object.entries(request.query as object).flatMap(([name, value]): FieldProblem[] => {
      if (!known.has(name)) {
        const meant = suggestion(name.slice(0, 100), names)
        const message = `There is no query parameter ${quote(name)} here.${meant} Known parameters: ${accepted}.`
        return [{ field: name, in: 'query', message }]
      }
      const isRepeated = Array.isArray(value) && !known.get(name)
      return isRepeated ? [{ field: name, in: 'query', message: `"${name}" may be given once.` }] : []
    })
    if (problems.length > 0) throw brokenRules(problems.slice(0, 20))
  }
}
