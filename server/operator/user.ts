import { randomBytes } from 'node:crypto'
import {
  disableUser,
  enableUser,
  findUser,
  listUsers,
  removeUser,
  signOutUser,
  type User,
} from '../accounts/users.ts'
import { misused, readArguments, readVerb } from '../cli/arguments.ts'
import { exit, StartError } from '../errors.ts'
import type { OperatorCommand, Workplace } from './command.ts'

export const userHelp = `Usage: duly user add EMAIL [--name NAME] [--password-stdin]
       duly user list [--json]
       duly user disable | enable | sign-out | remove WHO

Manages the users who sign in here, whether a server is running or not. WHO is an email address or an id.

  add        create an account; prints its password, unless one is read from the standard input
    --name NAME        name of the user (default: the email address)
    --password-stdin   read the password from the first line of the standard input
  list       list all users, oldest first
    --json             print one JSON object per line
  disable    reject WHO's sign-ins and tokens, within a second; no data is lost
  enable     undo disable
  sign-out   end WHO's sessions and the tokens of these sessions, and revoke WHO's personal access tokens
    --keep-tokens      do not revoke personal access tokens
  remove     delete WHO's account, tasks and tokens permanently
    --yes              confirm
  With --other-issuer, WHO is the id of a user whose tokens come from another issuer (disable, enable, remove).`

const options = {
  name: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  json: { type: 'boolean' },
  yes: { type: 'boolean' },
  'keep-tokens': { type: 'boolean' },
  'other-issuer': { type: 'boolean' },
} as const

type Values = ReturnType<typeof readArguments<typeof options>>['values']
type Verb = (place: Workplace, who: string, values: Values, input: string) => AsyncIterable<string>

/** The options that each subcommand takes. */
const optionsOf: Readonly<Record<VerbName, readonly (keyof typeof options)[]>> = {
  add: ['name', 'password-stdin'],
  list: ['json'],
  disable: ['other-issuer'],
  enable: ['other-issuer'],
  'sign-out': [],
  remove: ['yes', 'other-issuer'],
}
type VerbName = 'add' | 'list' | 'disable' | 'enable' | 'sign-out' | 'remove'
// Object.keys knows no names.
const verbNames = Object.keys(optionsOf) as VerbName[]

function readUser(args: string[]): { verb: VerbName; who: string; values: Values } {
  const { values, positionals } = readArguments(args, options, true)
  const [word, who = '', extra] = positionals
  const verb = readVerb('user', word, verbNames)
  const others = Object.keys(values).filter(name => !optionsOf[verb].some(own => own === name))
  if (others.length > 0) throw misused(`--${others[0]} does not apply to duly user ${verb}.`)
  const unexpected = verb === 'list' ? positionals[1] : extra
  if (unexpected !== undefined) throw misused(`Unexpected argument "${unexpected}".`)
  if (verb === 'add' && !isEmail(who)) {
    throw misused(who === '' ? 'EMAIL is missing.' : `"${who}" is not an email address.`)
  }
  if (verb !== 'list' && who === '') throw misused('WHO is missing: name an email address or an id.')
  return { verb, who, values }
}

function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) && text.length <= 254
}

/** @throws StartError for one that is too short or too long */
function readPassword(input: string): string {
  const [password = ''] = input.split(/\r?\n/)
  if (password.length >= 8 && password.length <= 128) return password
  throw misused('The password must have 8 to 128 characters.')
}

export const userCommand: OperatorCommand = {
  check(args, input) {
    const { values } = readUser(args)
    if (values['password-stdin'] && input !== undefined) readPassword(input)
  },

  async *run(place, args, input) {
    const { verb, who, values } = readUser(args)
    yield* verbs[verb](place, who, values, input)
  },
}

const verbs: Readonly<Record<VerbName, Verb>> = {
  async *add({ accounts, db }, email, values, input) {
    if (!accounts) throw new StartError('Accounts are off. See ACCOUNTS.', exit.config)
    const given = values['password-stdin'] ? readPassword(input) : undefined
    if (await findUser(db, email))
      throw new StartError(`An account for ${email} already exists.`, exit.dataErr)
    const password = given ?? randomBytes(15).toString('base64url')
    const issuer = await accounts.issuer()
    const id = await issuer.addUser({ email: email.toLowerCase(), name: values.name ?? email, password })
    yield `${id}  ${email.toLowerCase()}`
    if (given === undefined) yield `password: ${password}`
  },

  async *list({ db }, _who, { json }) {
    for await (const user of listUsers(db)) yield json ? JSON.stringify(user) : lineOf(user)
  },

  async *disable({ db }, who, values) {
    const { id, label } = await find(db, who, values)
    await disableUser(db, id)
    yield `${label} is disabled.`
  },

  async *enable({ db }, who, values) {
    const { id, label } = await find(db, who, values)
    await enableUser(db, id)
    yield `${label} is enabled.`
  },

  async *'sign-out'({ db }, who, values) {
    const { id, label } = await find(db, who, values)
    const keepsTokens = values['keep-tokens'] === true
    await signOutUser(db, id, keepsTokens)
    yield `${label} is signed out everywhere; personal access tokens are ${keepsTokens ? 'kept' : 'revoked'}.`
  },

  async *remove({ db }, who, values) {
    const { id, label } = await find(db, who, values)
    if (!values.yes) {
      throw new StartError(
        `This deletes ${label} with all tasks and tokens permanently. Add --yes to confirm.`,
        exit.usage,
      )
    }
    await removeUser(db, id)
    yield `${label} is removed.`
  },
}

async function find(
  db: Workplace['db'],
  who: string,
  values: Values,
): Promise<{ id: string; label: string }> {
  const user = await findUser(db, who)
  if (user) return { id: user.id, label: `${user.email} (${user.id})` }
  if (values['other-issuer']) return { id: who, label: who }
  throw new StartError(`There is no account for ${who}. "duly user list" lists the accounts.`, exit.dataErr)
}

function lineOf({ id, email, name, createdAt, isVerified, disabledAt }: User): string {
  const state = disabledAt === null ? (isVerified ? '' : '  not confirmed') : `  disabled ${disabledAt}`
  return `${id}  ${createdAt}  ${email}${name === email ? '' : `  ${JSON.stringify(name)}`}${state}`
}
