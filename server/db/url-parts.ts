import { UrlProblem } from './given-parameters.ts'

const form = 'write it as postgres://user:password@host:5432/database.'
export const unreadable = 'it cannot be read as a URL.'
export const reserved =
  'write special characters of the user and the password percent-encoded: # as %23, / as %2F, ? as %3F, @ as %40, % as %25.'
export const severalHosts =
  'name one host: Duly connects to one server. Name the primary, or an address that always points to it.'

/** Splits at the first `/`, `?` and `#`. A password must contain them percent-encoded. */
export function urlParts(text: string) {
  const driver = /^(postgres(?:ql)?)\+\w+:\/\//.exec(text)
  if (driver) throw new UrlProblem(`begin it with ${driver[1]}://, without the name of a driver.`)
  const [, authority, path = '', query = '', fragment] =
    /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/s.exec(text) ?? []
  if (authority === undefined) throw new UrlProblem(form)
  const at = authority.lastIndexOf('@')
  const pieces = query.split('&').filter(piece => piece !== '')
  const mayHold = /^(user|password|options|application_name|fallback_application_name)=/
  const isCut = at < 0 && pieces.some(piece => piece.includes('@') && !mayHold.test(piece))
  if (fragment !== undefined || path.includes('@') || isCut) throw new UrlProblem(reserved)
  return {
    userInfo: authority.slice(0, Math.max(0, at)),
    server: authority.slice(at + 1),
    path,
    pairs: pieces.map(piece => {
      const [name = '', ...value] = piece.split('=')
      return [decode(name, unreadable), decode(value.join('='), unreadable)] as const
    }),
  }
}

export function serverOf(server: string): { host: string; port: string | undefined } {
  if (server.includes(',')) throw new UrlProblem(severalHosts)
  const [whole, v6, name = '', port] =
    /^(?:\[([\da-f:.%]+)\]|([^\s:[\]"<>\\^`{|}]*))(?::(\d*))?$/i.exec(server) ?? []
  if (whole === undefined || Number(port ?? 1) > 65_535) throw new UrlProblem(form)
  return { host: v6 ?? decode(name, unreadable), port: port || undefined }
}

/** Decodes percent-encoding. A percent sign without two hexadecimal digits is taken literally. */
export function decode(text: string, problem: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?![\da-f]{2})/gi, '%25'))
  } catch {
    throw new UrlProblem(problem)
  }
}
