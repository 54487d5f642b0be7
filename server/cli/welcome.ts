import { createSecretKey } from 'node:crypto'
import { claimsOf } from '../auth/claims.ts'
import { signHmac } from '../auth/jwt.ts'
import type { Server } from '../main.ts'
import { version } from '../version.ts'

type Started = Pick<Server, 'url' | 'databaseLabel' | 'secret'>

interface Surroundings {
  /** The command line up to the name of a command. */
  readonly command: string
  /** Whether the secret is set only in this terminal. */
  readonly needsSecret: boolean
  readonly accounts: boolean
  /** Whether there is an app at the address. */
  readonly web: boolean
  readonly publicUrl: URL | undefined
}

/** What a user at a terminal needs: the address, how to get a token, where the data is. */
export function welcome({ url, databaseLabel, secret }: Started, surroundings: Surroundings): string {
  const { command, needsSecret, accounts, publicUrl, web } = surroundings
  const address = publicUrl?.href.replace(/\/$/, '') ?? url
  const token =
    secret === undefined
      ? accounts
        ? 'sign up on the page of the API docs'
        : 'from the issuer of JWKS_URL'
      : `${command} token --user alice${needsSecret ? '   (with the same BETTER_AUTH_SECRET)' : ''}`
  return `
Duly ${version} listens on ${url}

${web ? `  Web app    ${address}/\n` : ''}  API docs   ${address}/docs${accounts ? ' (sign up and try the calls)' : ''}
  Token      ${token}
  Data       ${databaseLabel}

`
}

/** A command that creates a task, with a token that is valid for an hour. */
export function firstCall({ url, secret }: Started, userClaim?: string): string {
  if (secret === undefined) return ''
  const hour = Math.floor(Date.now() / 1000) + 3600
  const token = signHmac({ ...claimsOf('alice', userClaim), exp: hour }, createSecretKey(Buffer.from(secret)))
  return `Create your first task, as the user "alice":

curl ${url}/api/tasks -H 'Content-Type: application/json' -d '{"title":"Say hello"}' -H 'Authorization: Bearer ${token}'

`
}
