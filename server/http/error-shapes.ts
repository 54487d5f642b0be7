import type { ErrorShape } from './error-reply.ts'
import type { Registration } from './register.ts'

/**
 * Returns the error shape of a path, also of a path that no route matches: that of the route, else
 * of the longest `under` that the path begins with. One of them is empty.
 */
export function errorShapes(registrations: readonly Registration[]): (path: string) => ErrorShape {
  const byPath = new Map(
    registrations.flatMap(({ module, errors }) => module.routes.map(({ path }) => [path, errors] as const)),
  )
  const byPrefix = registrations
    .flatMap(({ under, errors }) => (under === undefined ? [] : [{ under, errors }]))
    .toSorted((a, b) => b.under.length - a.under.length)
  return path => {
    const isBelow = (under: string) => under === '' || path === under || path.startsWith(`${under}/`)
    const shape = byPath.get(path) ?? byPrefix.find(({ under }) => isBelow(under))?.errors
    if (!shape) throw new Error(`no error shape for ${path}`)
    return shape
  }
}
