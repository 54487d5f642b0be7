#!/usr/bin/env node
import { backupCommand } from './cli/backup.ts'
import type { Command } from './cli/command.ts'
import { copyCommand } from './cli/copy.ts'
import { doctorCommand } from './cli/doctor.ts'
import { migrateCommand } from './cli/migrate.ts'
import { openApiCommand } from './cli/openapi.ts'
import { keysCommand, userCommand } from './cli/operate.ts'
import { restoreCommand } from './cli/restore.ts'
import { startCommand } from './cli/start.ts'
import { tokenCommand } from './cli/token.ts'
import { exit, StartError } from './errors.ts'
import { version } from './version.ts'

const commands: Readonly<Record<string, Command>> = {
  start: startCommand,
  token: tokenCommand,
  user: userCommand,
  keys: keysCommand,
  backup: backupCommand,
  restore: restoreCommand,
  copy: copyCommand,
  doctor: doctorCommand,
  migrate: migrateCommand,
  openapi: openApiCommand,
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
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command) {
    if (args.includes('--help') || args.includes('-h')) print(command.help)
    else await command.run(args)
    return
  }
  if (name === '--version' || name === '-v') print(version)
  else if (name === '--help' || name === '-h' || name === 'help') print(help)
  else if (name === undefined) await startCommand.run([])
  else if (name.startsWith('-')) await startCommand.run([name, ...args])
  else throw new StartError(`There is no command "${name}"; say duly --help for those there are.`, exit.usage)
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
