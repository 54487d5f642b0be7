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

function readSecret(name: string, reader: SettingsReader): string | undefined {
  const value = reader.read(name)
  if (value !== undefined && Array.from(value).length < 32) {
    reader.problem(name, 'must have at least 32 characters. Generate it with `openssl rand -base64 32`.')
  }
  return value
}
