import { randomUUID } from 'node:crypto'
import type { Answer, Served } from './served.ts'

type Api = Pick<Served, 'call'>

// A user with a browser: stores cookies, and sends the Origin of the page.

export interface Person {
  readonly email: string
  readonly password: string
  readonly cookies: Map<string, string>
  auth(method: string, path: string, json?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** A token for the other routes. */
  token(): Promise<string>
}

let addresses = 0

/** A new client address, as a proxy sends it, since attempts are counted by address. */
export function newAddress(): string {
  addresses += 1
  return `10.${process.pid & 255}.${addresses >> 8}.${addresses & 255}`
}

/** The settings with which the server trusts `newAddress`. */
export const behindProxy = { TRUST_PROXY: 'loopback' }

export function newPerson(api: Api, known: Partial<Pick<Person, 'email' | 'password'>> = {}): Person {
  const cookies = new Map<string, string>()
  const address = newAddress()
  const { email = `${randomUUID()}@example.com`, password = 'correct horse battery' } = known
  const auth: Person['auth'] = async (method, path, json, headers = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await api.call(method, `/api/auth${path}`, {
      ...(json === undefined ? {} : { json }),
      headers: {
        origin: 'http://localhost:3000',
        'x-forwarded-for': address,
        ...(cookie === '' ? {} : { cookie }),
        ...headers,
      },
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/Max-Age=0/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }
  return {
    email,
    password,
    cookies,
    auth,
    token: async () => (await auth('GET', '/token')).body.token,
  }
}

/** A user who has signed up and is signed in. */
export async function newUserHere(api: Api): Promise<Person & { id: string }> {
  const person = newPerson(api)
  const { email, password } = person
  const { status, body, text } = await person.auth('POST', '/sign-up/email', {
    name: 'Somebody',
    email,
    password,
  })
  if (status !== 200) throw new Error(`signing up failed: ${status} ${text}`)
  return { ...person, id: body.user.id }
}
