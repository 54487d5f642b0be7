#!/usr/bin/env node
import './db/navigator.ts'
import './kept-tick.ts'
import type { Command } from './cli/command.ts'
import { exit, StartError } from './errors.ts'
import { version } from './version.ts'

type Load = () => Promise<Command>

const start: Load = async () => (await import('./cli/start.ts')).startCommand

/** Loaded where they are named: a start needs none of the others. */
const commands: Readonly<Record<string, Load>> = {
  start,
  token: async () => (await import('./cli/token.ts')).tokenCommand,
  user: async () => (await import('./cli/operate.ts')).userCommand,
  keys: async () => (await import('./cli/operate.ts')).keysCommand,
  backup: async () => (await import('./cli/backup.ts')).backupCommand,
  restore: async () => (await import('./cli/restore.ts')).restoreCommand,
  copy: async () => (await import('./cli/copy.ts')).copyCommand,
  doctor: async () => (await import('./cli/doctor.ts')).doctorCommand,
  migrate: async () => (await import('./cli/migrate.ts')).migrateCommand,
  openapi: async () => (await import('./cli/openapi.ts')).openApiCommand,
}

const help = `Duly ${version}: a task service.

Usage: duly [COMMAND] [options]

  start    serve the tasks over HTTP; so does no command at all
  token    print a token for a user
  user     add, list, disable and remove the people who sign in here
  keys     list and rotate the keys that sign tokens
  backup   write everything into a file, while the server runs or not
  restore  bring a backup back
  copy     copy everything from one database to another
  doctor   look for what is wrong, and say what to do
  migrate  show the state of the database schema, or change it
  openapi  print the API's OpenAPI document

duly COMMAND --help tells more.  duly --version prints the version.`

async function main([name, ...args]: string[]): Promise<void> {
  if (name === '--version' || name === '-v') print(version)
  else if (name === '--help' || name === '-h' || name === 'help') print(help)
  else if (name === undefined) await run(start, [])
  else if (name.startsWith('-')) await run(start, [name, ...args])
  else await run(commandOf(name), args)
}

function commandOf(name: string): Load {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load) return load
  throw new StartError(`There is no command "${name}"; say duly --help for those there are.`, exit.usage)
}

async function run(load: Load, args: string[]): Promise<void> {
  const command = await load()
  if (args.includes('--help') || args.includes('-h')) print(command.help)
  else await command.run(args)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

main(process.argv.slice(2)).catch(error => {
  if (error instanceof StartError) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = error.exitCode
    return
  }
  process.stderr.write(
    `Duly stopped over something unexpected:\n${error instanceof Error ? error.stack : error}\n`,
  )
  process.exitCode = exit.software
})
