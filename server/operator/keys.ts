import { announcedSeconds } from '../auth/own-keys.ts'
import { misused, readArguments, readVerb } from '../cli/arguments.ts'
import { unprepared } from '../db/database.ts'
import { exit, StartError } from '../errors.ts'
import type { OperatorCommand } from './command.ts'

const list = unprepared(
  `select id, to_char("createdAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    to_char("expiresAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), "expiresAt" < now()
  from duly.jwks order by "createdAt"`,
)

export const keysHelp = `Usage: duly keys list | rotate [--now]

Lists or rotates the keys that sign tokens, whether a server is running or not.

  list       list the keys: when each was created, and until when it signs
  rotate     create a key, and sign new tokens with it after ${announcedSeconds} s; older tokens stay valid until they expire
    --now      after a leak: sign with the new key immediately, and reject all tokens signed by older keys`

function readKeys(args: string[]): { verb: 'list' | 'rotate'; now: boolean } {
  const { values, positionals } = readArguments(args, { now: { type: 'boolean' } }, true)
  const [word, extra] = positionals
  const verb = readVerb('keys', word, ['list', 'rotate'])
  if (extra !== undefined) throw misused(`Unexpected argument "${extra}".`)
  if (values.now && verb !== 'rotate') throw misused('--now applies to duly keys rotate only.')
  return { verb, now: values.now === true }
}

export const keysCommand: OperatorCommand = {
  check(args) {
    readKeys(args)
  },

  async *run({ db, accounts }, args) {
    const { verb, now } = readKeys(args)
    if (verb === 'list') {
      const rows = await db.query(list)
      if (rows.length === 0) yield 'There is no key yet. The first sign-in creates one.'
      for (const [id, createdAt, expiresAt, over] of rows) {
        const until =
          expiresAt == null
            ? 'signs'
            : over === 't'
              ? `signed until ${expiresAt}`
              : `signs until ${expiresAt}`
        yield `${id}  created ${createdAt}  ${until}`
      }
      return
    }
    if (!accounts)
      throw new StartError(
        'Accounts are off, so there are no keys to rotate. Set ACCOUNTS=on, and BETTER_AUTH_SECRET.',
        exit.config,
      )
    const issuer = await accounts.issuer()
    const id = await issuer.rotateKeys(now)
    yield now
      ? `${id} signs now; tokens signed by other keys are rejected.`
      : `${id} signs in ${announcedSeconds} s.`
  },
}
