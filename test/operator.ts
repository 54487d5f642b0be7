import { openAccounts } from '../server/accounts/accounts.ts'
import { readConfig } from '../server/config/config.ts'
import { createLog } from '../server/log.ts'
import { commands } from '../server/operator/commands.ts'
import { type Served, testSecret } from './served.ts'

/** The output of an operator command on the database of this server, as of another process. */
export async function operator(
  api: Served,
  [command, ...args]: [keyof typeof commands, ...string[]],
  input = '',
): Promise<string[]> {
  const { db, url } = api.server
  const log = createLog('silent')
  const publicUrl = () => new URL(url)
  const accounts = await openAccounts({ config: readConfig({}), db, log, secrets: [testSecret], publicUrl })
  const lines: string[] = []
  const place = { db, accounts, secrets: [testSecret], dataDir: '' }
  for await (const line of commands[command].run(place, args, input)) lines.push(line)
  await accounts?.close()
  return lines
}
