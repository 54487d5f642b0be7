import { version } from '../version.ts'
import { commandOf } from './commands.ts'

const help = `Duly ${version}: a task service.

Usage: duly [COMMAND] [OPTIONS]

  start    serve the API over HTTP (the default)
  token    print a token for a user
  user     add, list, disable, sign out and remove users
  keys     list and rotate the keys that sign tokens
  webhooks list webhooks and deliveries, and send a message again
  backup   write a backup, whether a server is running or not
  restore  restore a backup
  copy     copy all data to another database
  doctor   find problems of the settings, the data and the database
  migrate  show, apply or revert migrations of the database schema
  openapi  print the OpenAPI document

Run "duly COMMAND --help" for the options of a command, and "duly --version"
for the version. Settings are environment variables: "duly start --help" lists
them.`

/** Runs `duly` with these arguments. A server continues after that. */
export async function runCommandLine([name, ...args]: string[]): Promise<void> {
  if (name === '--version' || name === '-v' || name === 'version') return print(version)
  if (name === '--help' || name === '-h' || name === 'help') {
    const [about] = args.filter(arg => !arg.startsWith('-'))
    return print(about === undefined ? help : (await commandOf(about)).help)
  }
  if (name === undefined) return run('start', [])
  if (name.startsWith('-')) return run('start', [name, ...args])
  return run(name, args)
}

async function run(name: string, args: string[]): Promise<void> {
  const command = await commandOf(name)
  const end = args.indexOf('--')
  const options = end === -1 ? args : args.slice(0, end)
  if (options.includes('--help') || options.includes('-h')) print(command.help)
  else await command.run(args)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
