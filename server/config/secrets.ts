import { setting } from './setting.ts'
import type { SettingsReader } from './settings-reader.ts'

export const secretSettings = [
  setting(
    'BETTER_AUTH_SECRET',
    'none with DATABASE_URL; otherwise generated and stored in `DATA_DIR`',
    'Shared secret for HMAC tokens, at least 32 characters.',
    ['JWT_SECRET_KEY', 'JWT_SECRET', 'SECRET_KEY'],
  ),
  setting('BETTER_AUTH_SECRET_ALSO', 'none', 'Second accepted secret, while you rotate the first.'),
]

export interface SecretConfig {
  readonly secret: string | undefined
  /** A second secret that is accepted as well. */
  readonly secretAlso: string | undefined
}

export function readSecrets(reader: SettingsReader): SecretConfig {
  return {
    secret: readSecret('BETTER_AUTH_SECRET', reader),
    secretAlso: readSecret('BETTER_AUTH_SECRET_ALSO', reader),
  }
}

/** Whether there will be a secret: the embedded database generates one. */
export function hasSecret(reader: SettingsReader): boolean {
  return reader.read('BETTER_AUTH_SECRET') !== undefined || reader.read('DATABASE_URL') === undefined
}

/** Words of examples, also of other projects and of Better Auth's default. */
const placeholder =
  /change[-_ ]?(?:me|this|it)|replace[-_ ]?(?:me|this|with)|your[-_ ]|placeholder|example|secret[-_ ]?key|better-auth-secret|^<.*>$/i
/** A random secret of 32 hexadecimal digits has 14 different ones on average. */
const fewestCharacters = 6

const isGuessable = (value: string) => placeholder.test(value) || new Set(value).size < fewestCharacters

const advice = 'Generate it with `openssl rand -base64 32`.'

function readSecret(name: string, reader: SettingsReader): string | undefined {
  const value = reader.read(name)
  if (value !== undefined && Array.from(value).length < 32) {
    reader.problem(name, `must have at least 32 characters. ${advice}`)
  } else if (value !== undefined && isGuessable(value)) {
    reader.noteAbout(name, `looks like a placeholder. Anyone who guesses it can act as any user. ${advice}`)
  }
  return value
}
