import { type Config, readConfig } from '../config/config.ts'
import { readEnv } from '../config/environment.ts'

/** Reads the settings of a command. Warnings about them go to standard error. */
export function commandConfig(flags: Readonly<Record<string, string | undefined>> = {}): Config {
  const notes: string[] = []
  const env = readEnv(flags, notes)
  for (const note of notes) process.stderr.write(`Warning: ${note}\n`)
  return readConfig(env)
}
