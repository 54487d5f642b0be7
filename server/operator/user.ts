import { randomBytes } from 'node:crypto'
import { canonicalEmail } from '../accounts/email.ts'
import {
  disableUser,
  enableEmail,
  enableUser,
  findUser,
  isAccount,
  isEmailDisabled,
  listUsers,
  removeAccount,
  removeForeignUser,
  signOutUser,
  type User,
} from '../accounts/users.ts'
import { misused, readArguments, readVerb } from '../cli/arguments.ts'
import { exit, StartError } from '../errors.ts'
import type { OperatorCommand, OperatorContext } from './command.ts'

export const userHelp = `Usage: duly user add EMAIL [--name NAME] [--password-stdin]
       duly user list [--json]
       duly user disable | enable | sign-out | remove USER

Manages user accounts, whether a server is running or not. USER is an email address (with "@") or the id of
an account, as "duly user list" prints them. With --other-issuer, USER is the user id in tokens of another
issuer or of "duly token", never an account of this server.

  add        create an account; prints its password, unless one is read from standard input
    --name NAME        display name (default: the email address)
    --password-stdin   read the password from the first line of standard input, without showing it
  list       list accounts, oldest first
    --json             one JSON object per line
  disable    reject USER's tokens within a second, and sign-ins and sign-ups with the same email address; deletes nothing
  enable     undo disable, also for an email address whose account was removed while it was disabled
  sign-out   end USER's sessions and their tokens, revoke USER's personal access tokens, and deactivate USER's webhooks
    --keep-tokens      keep personal access tokens and webhooks
  remove     delete USER's account, tasks and tokens; a disabled email address stays disabled
    --yes              confirm the deletion
  --other-issuer       USER is a user id without an account on this server (disable, enable and remove only)`

const options = {
  name: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  json: { type: 'boolean' },
  yes: { type: 'boolean' },
  'keep-tokens': { type: 'boolean' },
  'other-issuer': { type: 'boolean' },
} as const

type Values = ReturnType<typeof readArguments<typeof options>>['values']
type Verb = (place: OperatorContext, name: string, values: Values, input: string) => AsyncIterable<string>

/** The options of each subcommand. */
const optionsOf: Readonly<Record<VerbName, readonly (keyof typeof options)[]>> = {
  add: ['name', 'password-stdin'],
  list: ['json'],
  disable: ['other-issuer'],
  enable: ['other-issuer'],
  'sign-out': ['keep-tokens'],
  remove: ['yes', 'other-issuer'],
}
type VerbName = 'add' | 'list' | 'disable' | 'enable' | 'sign-out' | 'remove'
// Object.keys returns string[].
const verbNames = Object.keys(optionsOf) as VerbName[]

function readUser(args: string[]): { verb: VerbName; who: string; values: Values } {
  const { values, positionals } = readArguments(args, options, true)
  const [word, who = '', extra] = positionals
  const verb = readVerb('user', word, verbNames)
  const others = Object.keys(values).filter(name => !optionsOf[verb].some(own => own === name))
  if (others.length > 0) throw misused(`--${others[0]} does not apply to duly user ${verb}.`)
  const unexpected = verb === 'list' ? positionals[1] : extra
  if (unexpected !== undefined) throw misused(`Unexpected argument "${unexpected}".`)
  if (verb === 'add' && canonicalEmail(who) === undefined) {
    throw misused(who === '' ? 'EMAIL is missing.' : `"${who}" is not an email address.`)
  }
  if (verb !== 'list' && who === '') throw misused('USER is missing: name an email address or an id.')
  return { verb, who, values }
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
  async *add({ accounts, db }, name, values, input) {
    if (!accounts)
      throw new StartError('Accounts are off. Set ACCOUNTS=on, and BETTER_AUTH_SECRET.', exit.config)
    const email = canonicalEmail(name)
    if (email === undefined) throw misused(`"${name}" is not an email address.`)
    const given = values['password-stdin'] ? readPassword(input) : undefined
    if (await findUser(db, { email }))
      throw new StartError(`An account for "${email}" already exists.`, exit.dataErr)
    if (await isEmailDisabled(db, email)) {
      throw new StartError(`"${email}" is disabled. Run "duly user enable ${email}" first.`, exit.dataErr)
    }
    const password = given ?? randomBytes(15).toString('base64url')
    const issuer = await accounts.issuer()
    const id = await issuer.addUser({ email, name: values.name ?? email, password })
    yield `${id}  ${email}`
    if (given === undefined) yield `password: ${password}`
  },

  async *list({ db }, _name, { json }) {
    for await (const user of listUsers(db)) yield json ? JSON.stringify(user) : lineOf(user)
  },

  async *disable({ db }, name, values) {
    const { id, label } = await findUserNamed(db, name, values)
    await disableUser(db, id)
    yield `${label} is disabled.`
  },

  async *enable({ db }, name, values) {
    const email = values['other-issuer'] ? undefined : canonicalEmail(name)
    if (email !== undefined && !(await findUser(db, { email })) && (await isEmailDisabled(db, email))) {
      await enableEmail(db, email)
      yield `${email} can sign up again.`
      return
    }
    const { id, label } = await findUserNamed(db, name, values)
    if (!(await enableUser(db, id)))
      throw new StartError(`${label} is being removed, and cannot be enabled.`, exit.dataErr)
    yield `${label} is enabled.`
  },

  async *'sign-out'({ db }, name, values) {
    const { id, label } = await findUserNamed(db, name, values, false)
    const keepsTokens = values['keep-tokens'] === true
    await signOutUser(db, id, keepsTokens)
    const others = keepsTokens ? 'tokens and webhooks are kept' : 'tokens are revoked, webhooks deactivated'
    yield `${label} is signed out everywhere; personal access ${others}.`
  },

  async *remove({ db }, name, values) {
    const { id, label, isForeign } = await findUserNamed(db, name, values)
    if (!values.yes) {
      throw new StartError(
        `This deletes ${label} with all tasks and tokens permanently. Add --yes to confirm.`,
        exit.usage,
      )
    }
    if (isForeign) await removeForeignUser(db, id)
    else await removeAccount(db, id, 'operator')
    yield `${label} is removed.`
  },
}

interface Found {
  readonly id: string
  readonly label: string
  readonly isForeign: boolean
}

/**
 * The user that the arguments name. The arguments alone decide the kind of name.
 * @param mayBeForeign whether the command accepts `--other-issuer`
 */
export async function findUserNamed(
  db: OperatorContext['db'],
  name: string,
  values: Pick<Values, 'other-issuer'>,
  mayBeForeign = true,
): Promise<Found> {
  if (values['other-issuer']) {
    if (!(await isAccount(db, name))) return { id: name, label: name, isForeign: true }
    throw new StartError(
      `"${name}" is the id of an account on this server. Leave --other-issuer out.`,
      exit.dataErr,
    )
  }
  const email = name.includes('@') ? canonicalEmail(name) : undefined
  if (email === undefined && name.includes('@')) {
    throw new StartError(`"${name}" is not an email address.`, exit.usage)
  }
  const user = await findUser(db, email === undefined ? { id: name } : { email })
  if (user) return { id: user.id, label: `${user.email} (${user.id})`, isForeign: false }
  const other = mayBeForeign
    ? ` If it is the user id in tokens of another issuer or of "duly token", add --other-issuer.`
    : ''
  throw new StartError(
    `There is no account for "${name}". List accounts with "duly user list".${other}`,
    exit.dataErr,
  )
}

function lineOf({ id, email, name, createdAt, isVerified, disabledAt }: User): string {
  const state = disabledAt === null ? (isVerified ? '' : '  not confirmed') : `  disabled ${disabledAt}`
  return `${id}  ${createdAt}  ${email}${name === email ? '' : `  ${JSON.stringify(name)}`}${state}`
}
