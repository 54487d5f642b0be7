import type { Backup } from '../backup/read.ts'
import type { Config } from '../config/config.ts'
import type { Restored } from './restore-into.ts'

/**
 * What the user has to do after a restore. Never contains a secret.
 * @param secretPlace where to find the secret that was used with the data, in words
 */
export function nextSteps(target: Config, { header }: Backup, done: Restored, secretPlace: string): string[] {
  const lines: string[] = []
  if (done.setAside !== undefined) {
    lines.push(`The previous data is in ${done.setAside}. Remove it when you no longer need it.`)
  }
  const secret = target.secret ?? (target.postgres ? undefined : header.secret)
  if (header.secret !== undefined && secret !== header.secret) {
    lines.push(
      `Set BETTER_AUTH_SECRET to the secret in ${secretPlace}. With any other secret, users cannot sign in.`,
    )
  } else if (!done.secretsFit) {
    lines.push(
      'Set BETTER_AUTH_SECRET to the secret that was used with this data. With any other secret, users cannot sign in.',
    )
  }
  return lines
}
