#!/usr/bin/env node
import './db/navigator.ts'
import type { Command } from './cli/command.ts'
import { failureOf, watchOutput } from './cli/failure.ts'
import { suggestion } from './closest.ts'
import { exit, StartError } from './errors.ts'
import { version } from './version.ts'

type Load = () => Promise<Command>

/** Loaded on demand: a start needs no other command. */
const commands: Readonly<Record<string, Load>> = {
  start: async () => (await import('./cli/start.ts')).startCommand,
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

Usage: duly [COMMAND] [OPTIONS]

  start    serve the API over HTTP (the default)
  token    print a token for a user
  user     add, list, disable, sign out and remove users
  keys     list and rotate the keys that sign tokens
  backup   write a backup, whether a server is running or not
  restore  restore a backup
  copy     copy everything from one database to another
  doctor   check the installation
  migrate  show or change the state of the database schema
  openapi  print the OpenAPI document

Run "duly COMMAND --help" for the options of a command, and "duly --version"
for the version.`

async function main([name, ...args]: string[]): Promise<void> {
  if (name === '--version' || name === '-v' || name === 'version') return print(version)
  if (name === '--help' || name === '-h' || name === 'help') {
    const [about] = args.filter(arg => !arg.startsWith('-'))
    return print(about === undefined ? help : (await loadOf(about)()).help)
  }
  if (name === undefined) return run('start', [])
  if (name.startsWith('-')) return run('start', [name, ...args])
  return run(name, args)
}

function loadOf(name: string): Load {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load) return load
  throw new StartError(`Unknown command "${name}".${suggestion(name, Object.keys(commands))}`, exit.usage)
}

async function run(name: string, args: string[]): Promise<void> {
  const command = await loadOf(name)()
  const end = args.indexOf('--')
  const options = end === -1 ? args : args.slice(0, end)
  if (options.includes('--help') || options.includes('-h')) print(command.help)
  else await command.run(args)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

const [named = ''] = process.argv.slice(2)

function fail(error: unknown): void {
  const { text, exitCode } = failureOf(error, Object.hasOwn(commands, named) ? named : undefined)
  process.stderr.write(text)
  process.exitCode = exitCode
}

watchOutput()
process.on('uncaughtException', error => {
  fail(error)
  process.exit()
})
main(process.argv.slice(2)).catch(fail)
