import type { Backup } from '../backup/read.ts'
import type { Config } from '../config/config.ts'
import type { PutBack } from './put-back.ts'

/**
 * What is left to the person after a restore. No secret is repeated.
 * @param kept where the secret is that the data was used with, in words
 */
export function whatToDo(target: Config, { header }: Backup, done: PutBack, kept: string): string[] {
  const lines: string[] = []
  if (done.setAside !== undefined) {
    lines.push(`What was there before is in ${done.setAside}; remove it when you do not need it.`)
  }
  const secret = target.secret ?? (target.postgres ? undefined : header.secret)
  if (header.secret !== undefined && secret !== header.secret) {
    lines.push(`Set BETTER_AUTH_SECRET here to the secret in ${kept}: with another one nobody can sign in.`)
  } else if (!done.secretsFit) {
    lines.push(
      'Set BETTER_AUTH_SECRET here to what it was where this comes from: with another one nobody can sign in.',
    )
  }
  return lines
}
