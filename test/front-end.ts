import { randomUUID } from 'node:crypto'
import { newAddress } from './person.ts'
import type { Answer, Call, Served } from './served.ts'

// Existing front ends, which hold one token: the paths and bodies that they send.

export const bases = ['/api/auth', '/auth']
const each = (...names: string[]) => bases.flatMap(base => names.map(name => `${base}/${name}`))
export const signUpPaths = each('signup', 'register')
export const signInPaths = each('login', 'signin')
export const mePaths = each('me', 'profile')
export const signOutPaths = each('logout', 'signout')

let calls = 0
/** Returns one of these after the other, so that a test uses them all. */
export function nextOf(paths: readonly string[]): string {
  calls += 1
  return paths[calls % paths.length] as string
}

type Api = Pick<Served, 'call'>

export const post = (api: Api, path: string, json: unknown, call: Call = {}): Promise<Answer> =>
  api.call('POST', path, { json, ...call, headers: { 'x-forwarded-for': newAddress(), ...call.headers } })

export interface FrontEndUser {
  readonly email: string
  readonly password: string
  readonly id: string
  readonly token: string
}

/** A user who has signed up at a front end. */
export async function newUserThere(api: Api): Promise<FrontEndUser> {
  const credentials = { email: `${randomUUID()}@example.com`, password: 'correct horse battery' }
  const { status, body, text } = await post(api, nextOf(signUpPaths), credentials)
  if (status !== 201) throw new Error(`signing up failed: ${status} ${text}`)
  return { ...credentials, id: body.user.id, token: body.token }
}
