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
import { readArguments } from '../cli/arguments.ts'
import { exit, StartError } from '../errors.ts'
import type { OperatorCommand, Workplace } from './command.ts'

export const userHelp = `Usage: duly user add EMAIL [--name NAME] [--password-stdin]
       duly user list [--json]
       duly user disable | enable | sign-out | remove WHO

The people who sign in here, while the server runs or not. WHO is an e-mail address or an id.

  add        make an account; prints its password, unless one is read from the standard input
    --name NAME        what they are called (default: the e-mail address)
    --password-stdin   take the first line of the standard input as the password
  list       everyone, oldest first
    --json             a JSON object in each line
  disable    nobody signs in as WHO, and no token of WHO's is accepted, within a second; nothing is lost
  enable     take that back
  sign-out   end WHO's sessions, and with them their tokens
  remove     remove WHO's account, tasks and tokens for good
    --yes              do it
  With --other-issuer, WHO is the id of a user whose tokens come from elsewhere (disable, enable, remove).`

const options = {
  name: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  json: { type: 'boolean' },
  yes: { type: 'boolean' },
  'other-issuer': { type: 'boolean' },
} as const

type Values = ReturnType<typeof readArguments<typeof options>>['values']
type Verb = (place: Workplace, who: string, values: Values, input: string) => AsyncIterable<string>

export const userCommand: OperatorCommand = {
  async *run(place, args, input) {
    const { values, positionals } = readArguments(args, options, true)
    const [verb = '', who = '', ...more] = positionals
    const known = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
    if (!known || more.length > 0 || (who === '') !== (verb === 'list')) {
      throw new StartError('Say duly user --help for what can be said here.', exit.usage)
    }
    yield* known(place, who, values, input)
  },
}

const verbs: Readonly<Record<string, Verb>> = {
  async *add({ accounts, db }, email, values, input) {
    if (!accounts) throw new StartError('There are no accounts here: see ACCOUNTS.', exit.config)
    if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email) || email.length > 254) {
      throw new StartError(`${email} is no e-mail address.`, exit.usage)
    }
    const given = values['password-stdin'] ? (input.split(/\r?\n/)[0] ?? '') : undefined
    if (given !== undefined && (given.length < 8 || given.length > 128)) {
      throw new StartError('A password has 8 to 128 characters.', exit.usage)
    }
    if (await findUser(db, email))
      throw new StartError(`There is an account for ${email} already.`, exit.dataErr)
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
    await signOutUser(db, id)
    yield `${label} is signed out everywhere.`
  },

  async *remove({ db }, who, values) {
    const { id, label } = await find(db, who, values)
    if (!values.yes) {
      throw new StartError(
        `This removes ${label} with all tasks and tokens, for good. Say --yes if you mean it.`,
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
  throw new StartError(`There is no account for ${who}; duly user list shows those there are.`, exit.dataErr)
}

function lineOf({ id, email, name, createdAt, isVerified, disabledAt }: User): string {
  const state = disabledAt === null ? (isVerified ? '' : '  not confirmed') : `  disabled ${disabledAt}`
  return `${id}  ${createdAt}  ${email}${name === email ? '' : `  ${JSON.stringify(name)}`}${state}`
}
