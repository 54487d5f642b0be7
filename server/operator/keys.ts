import { announcedSeconds } from '../auth/own-keys.ts'
import { readArguments } from '../cli/arguments.ts'
import { unprepared } from '../db/database.ts'
import { exit, StartError } from '../errors.ts'
import type { OperatorCommand } from './command.ts'

const list = unprepared(
  `select id, to_char("createdAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    to_char("expiresAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), "expiresAt" < now()
  from duly.jwks order by "createdAt"`,
)

export const keysHelp = `Usage: duly keys list | rotate [--now]

The keys with which this server signs tokens, while it runs or not.

  list       when each was made, and until when it signs
  rotate     make a new one, which signs after ${announcedSeconds} s; tokens of the others stay good until they expire
    --now      for a key that got out: tokens of the others are refused at once`

export const keysCommand: OperatorCommand = {
  async *run({ db, accounts }, args) {
    const { values, positionals } = readArguments(args, { now: { type: 'boolean' } }, true)
    const [verb, ...more] = positionals
    if (more.length > 0 || (verb !== 'list' && verb !== 'rotate')) {
      throw new StartError('Say duly keys list or duly keys rotate.', exit.usage)
    }
    if (verb === 'list') {
      const rows = await db.query(list)
      if (rows.length === 0) yield 'There is no key yet: the first token makes one.'
      for (const [id, createdAt, expiresAt, over] of rows) {
        const until =
          expiresAt == null
            ? 'signs'
            : over === 't'
              ? `signed until ${expiresAt}`
              : `signs until ${expiresAt}`
        yield `${id}  made ${createdAt}  ${until}`
      }
      return
    }
    if (!accounts)
      throw new StartError('There are no accounts here, and so no keys: see ACCOUNTS.', exit.config)
    const issuer = await accounts.issuer()
    const id = await issuer.rotateKeys(values.now === true)
    yield values.now
      ? `${id} signs now; tokens of the others are refused.`
      : `${id} signs in ${announcedSeconds} s.`
  },
}
