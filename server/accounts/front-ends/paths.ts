import type { Method, Route } from '../../http/route.ts'
import type { Operation } from '../../openapi/operation.ts'

const bases = [
  { base: '/api/auth', suffix: '' },
  { base: '/auth', suffix: 'AtAuth' },
]

/** One operation at all paths of existing front ends. Its ids end with their paths. */
export function atEach(
  names: readonly string[],
  method: Method,
  operation: Operation,
  handle: Route['handle'],
  more: Pick<Route, 'scope' | 'bodyLimit' | 'kind'> = {},
): Route[] {
  return bases.flatMap(({ base, suffix }) =>
    names.map(name => ({
      ...more,
      method,
      path: `${base}/${name}`,
      operation: {
        ...operation,
        id: `${operation.id}By${name.charAt(0).toUpperCase()}${name.slice(1)}${suffix}`,
      },
      handle,
    })),
  )
}
