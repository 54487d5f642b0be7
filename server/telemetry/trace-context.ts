/** The trace id of a valid `traceparent` header (W3C Trace Context, 3.2). */
export function traceIdOf(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined
  const [, version, id, span] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}(?:-.*)?$/.exec(header) ?? []
  if (version === undefined || version === 'ff' || /^0+$/.test(id ?? '') || /^0+$/.test(span ?? ''))
    return undefined
  return id
}
