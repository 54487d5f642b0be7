import { readEnvFile } from './env-file.ts'
import { misspelt, strangeValues } from './misspelt.ts'
import { type Env, isSet } from './setting.ts'
import { settings } from './settings.ts'

/**
 * Reads the environment of the process, which takes precedence over `.env` in the current directory
 * (or the file that ENV_FILE names).
 * @param flags take precedence over both
 * @param notes receives sentences about names and values that look like mistakes
 * @throws StartError where the file cannot be used
 */
export function readEnv(flags: Env = {}, notes: string[] = []): Env {
  const own = withoutEmpty(process.env)
  const named = own.ENV_FILE?.trim()
  const file = readEnvFile(named ?? '.env', named !== undefined)
  const names = ['ENV_FILE', ...settings.flatMap(({ name, aliases }) => [name, ...aliases])]
  notes.push(...file.notes, ...misspelt(own, file.values, names), ...strangeValues(own, names))
  return { ...file.values, ...own, ...withoutEmpty(flags) }
}

/** Whether this process's environment sets one of the names. Another terminal may not. */
export function isInEnvironment(...names: string[]): boolean {
  return names.some(name => isSet(name, process.env))
}

function withoutEmpty(values: Env): Env {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value))
}
