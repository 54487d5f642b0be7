import { suggestion } from '../closest.ts'
import { exit, StartError } from '../errors.ts'
import type { Command } from './command.ts'

type Load = () => Promise<Command>

/** Loaded on demand: a start needs no other command. */
export const commands: Readonly<Record<string, Load>> = {
  start: async () => (await import('./start.ts')).startCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
  user: async () => (await import('./operate.ts')).userCommand,
  keys: async () => (await import('./operate.ts')).keysCommand,
  webhooks: async () => (await import('./operate.ts')).webhooksCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  copy: async () => (await import('./copy.ts')).copyCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  migrate: async () => (await import('./migrate.ts')).migrateCommand,
  openapi: async () => (await import('./openapi.ts')).openApiCommand,
}

/** @throws StartError if there is no such command */
export async function commandOf(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load) return load()
  throw new StartError(`Unknown command "${name}".${suggestion(name, Object.keys(commands))}`, exit.usage)
}
