import type { FastifyRequest } from 'fastify'
import { brokenRules } from '../../errors.ts'
import { isForm, readForm } from '../../http/form-body.ts'
import { readJson } from '../../http/json-body.ts'
import { canonicalEmail } from '../email.ts'
import { type Fields, notEmail, validFields } from '../routes/read-fields.ts'
import { signInBody, signUpBody } from './schemas.ts'

// The bodies of existing front ends, and the fields of Better Auth's calls in them.

export async function readSignUp(request: FastifyRequest): Promise<Fields> {
  return signUpFields(validFields(signUpBody, await readBody(request), request))
}

/** @returns the fields of a sign-in, and the code of two-factor authentication */
export async function readSignIn(request: FastifyRequest): Promise<{ fields: Fields; code?: string }> {
  const { email, ...others } = await readBody(request)
  const isGiven = email !== null && email !== undefined && email !== ''
  const sent = validFields(signInBody, isGiven ? { email, ...others } : others, request)
  // Some apps show a code with spaces.
  const code = textOf(sent.code)?.replaceAll(/\s/g, '')
  const fields = { email: sent.email ?? emailIn(sent.username), password: sent.password }
  return code === undefined ? { fields } : { fields, code }
}

/** The name is the first one that is given, else the local part of the email. */
export function signUpFields({ email, password, ...sent }: Fields): Fields {
  const fullName = [textOf(sent.first_name), textOf(sent.last_name)].filter(Boolean).join(' ')
  const names = [textOf(sent.name), textOf(sent.full_name), fullName, textOf(sent.username)]
  return { email, password, name: names.find(Boolean) ?? usernameOf(String(email)) }
}

/** What front ends show as the name of a user: the local part of the email. */
export function usernameOf(email: string): string {
  return email.replace(/@[^@]*$/, '')
}

function readBody(request: FastifyRequest): Fields | Promise<Fields> {
  return isForm(request) ? readForm(request) : readJson(request)
}

/** The email address in the field `username` of an OAuth2 password form. */
function emailIn(username: unknown): string {
  const text = textOf(username)
  if (text === undefined) throw brokenRules([{ field: 'email', message: 'Email is required.' }])
  const email = canonicalEmail(text)
  if (email !== undefined) return email
  throw brokenRules([{ field: 'username', message: notEmail('username', text) }])
}

/** A text without surrounding spaces. Undefined if it is absent or blank. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}
