import assert from 'node:assert/strict'

// Records the secrets that tests use: secret settings, tokens, cookies, passwords, texts of tasks.
// All output of the program is searched for them.

/** Shorter values would occur by chance; those of the tests are longer. */
const shortest = { setting: 6, password: 10, token: 16, text: 12 }
type Kind = keyof typeof shortest

/** By their first characters, so that one pass over a log finds all of them. */
const kept = new Map<string, Map<string, string>>()
const startLength = 6
/**
 * Whether a secret may start with these two characters, which rules out most positions of a log.
 */
const starts = new Uint8Array(2 ** 16)
const startAt = (text: string, at: number) => ((text.charCodeAt(at) << 8) ^ text.charCodeAt(at + 1)) & 0xffff

export function keepSecret(kind: Kind, what: string, value: string): void {
  // Texts with several words: a single word can also be part of a path or a user id in the log.
  if (value.length < shortest[kind] || (kind === 'text' && !value.includes(' '))) return
  for (const form of [value, decoded(value), JSON.stringify(value).slice(1, -1)]) {
    const start = form.slice(0, startLength)
    starts[startAt(form, 0)] = 1
    const same = kept.get(start) ?? new Map<string, string>()
    kept.set(start, same.set(form, what))
  }
}

/** Records the secret settings of a program. */
export function keepSettings(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (/SECRET/.test(name)) keepSecret('setting', name, value)
    if (!name.endsWith('_URL') || !URL.canParse(value)) continue
    const { password } = new URL(value)
    keepSecret('setting', `the password of ${name}`, password)
  }
}

/** Records the secrets of a request. */
export function keepCall(headers: Headers, address: string, body: unknown): void {
  keepToken('a token', headers.get('authorization')?.replace(/^\w+ +/, '') ?? '')
  keepSecret('token', 'an idempotency key', headers.get('idempotency-key') ?? '')
  for (const pair of (headers.get('cookie') ?? '').split('; '))
    keepSecret('token', 'a cookie', pair.slice(pair.indexOf('=') + 1))
  const query = new URLSearchParams(address.split('?')[1])
  for (const [name, value] of [...query, ...Object.entries(Object(body))]) {
    if (typeof value !== 'string') continue
    if (/password$/i.test(name)) keepSecret('password', `a ${name}`, value)
    else if (name === 'token' || name === 'ticket') keepToken(`a ${name}`, value)
    else if (['title', 'description', 'q'].includes(name)) keepSecret('text', `a ${name}`, value)
  }
}

/** Records the secrets of a response, such as tokens. */
export function keepAnswer(headers: Headers, body: unknown): void {
  for (const line of headers.getSetCookie()) keepSecret('token', 'a cookie', /=([^;]*)/.exec(line)?.[1] ?? '')
  const { token, ticket, totpURI, backupCodes } = Object(body) as Readonly<Record<string, unknown>>
  if (typeof token === 'string') keepToken('a token', token)
  if (typeof ticket === 'string') keepToken('a ticket', ticket)
  if (typeof totpURI === 'string') keepSecret('token', 'the URI of two-factor authentication', totpURI)
  if (Array.isArray(backupCodes))
    for (const code of backupCodes) keepSecret('password', 'a backup code', String(code))
}

/** @throws AssertionError with the kind of the secret and the line */
export function assertNoLeak(printed: string): void {
  const text = printed.replaceAll(
    /^\{.*"msg":"SMTP_URL is not set: this link was not emailed".*\}$/gm,
    withoutLink,
  )
  for (let at = 0; at + startLength <= text.length; at += 1) {
    if (starts[startAt(text, at)] === 0) continue
    for (const [secret, what] of kept.get(text.slice(at, at + startLength)) ?? []) {
      if (!text.startsWith(secret, at)) continue
      const line = text.slice(text.lastIndexOf('\n', at) + 1).split('\n', 1)[0]
      assert.fail(`${what} was printed: ${line}`)
    }
  }
}

/** Without SMTP_URL, links are logged. Nothing else on that line may be secret. */
function withoutLink(line: string): string {
  const { link, ...rest } = JSON.parse(line) as { link?: string }
  assert.equal(typeof link, 'string')
  return JSON.stringify(rest)
}

function keepToken(what: string, token: string): void {
  keepSecret('token', what, token)
  // The signature alone is enough; the other parts are not secret.
  if (token.split('.').length === 3) keepSecret('token', what, token.slice(token.lastIndexOf('.') + 1))
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
