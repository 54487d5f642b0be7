import { type Config, readConfig } from '../config/config.ts'
import { readEnv } from '../config/environment.ts'

/** The settings of a command that keeps no log: what is odd about where they come from goes to the standard error. */
export function commandConfig(flags: Readonly<Record<string, string | undefined>> = {}): Config {
  const notes: string[] = []
  const env = readEnv(flags, notes)
  for (const note of notes) process.stderr.write(`Warning: ${note}\n`)
  return readConfig(env)
}
