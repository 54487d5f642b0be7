import { createSecretKey } from 'node:crypto'
import { claimsOf } from '../auth/claims.ts'
import { signHmac } from '../auth/jwt.ts'
import { secretsThere } from '../auth/secret.ts'
import { type Algorithm, hmacAlgorithms } from '../config/algorithms.ts'
import { exit, StartError } from '../errors.ts'
import { misused, readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { commandConfig } from './settings.ts'

const help = `Usage: duly token --user ID [--ttl TIME]

Prints a bearer token for the user ID, signed with BETTER_AUTH_SECRET or with the secret in DATA_DIR. The user
needs no account: each ID has tasks of its own.

  --user ID    id of the user, such as alice
  --ttl TIME   lifetime: 90s, 15m, 1h, 7d, or a number of seconds (default 1h)`

const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

export const tokenCommand: Command = {
  help,
  async run(args) {
    const { values } = readArguments(args, {
      user: { type: 'string' },
      ttl: { type: 'string', default: '1h' },
    })
    if (values.user === undefined) throw misused('--user is missing: name the id of a user, such as alice.')
    if (!/^[^\p{Cc}\p{Cs}]{1,255}$/u.test(values.user)) {
      throw misused('--user must have 1 to 255 characters, without control characters.')
    }
    const ttl = readTtl(values.ttl)
    const config = commandConfig()
    const [secret] = secretsThere({ ...config, secretAlso: undefined })
    if (secret === undefined) {
      const place = config.postgres
        ? 'Set BETTER_AUTH_SECRET to the secret of the server.'
        : `"${config.dataDir}" contains none. Set DATA_DIR to the directory of the server, or set BETTER_AUTH_SECRET. The first start creates a secret.`
      throw new StartError(`There is no secret to sign with. ${place}`, exit.config)
    }
    const now = Math.floor(Date.now() / 1000)
    const [[issuer], [audience]] = [config.rules.issuers, config.rules.audiences]
    const claims = {
      ...claimsOf(values.user ?? '', config.userClaim),
      iat: now,
      exp: now + ttl,
      ...(issuer === undefined ? {} : { iss: issuer }),
      ...(audience === undefined ? {} : { aud: audience }),
    }
    const alg = hmacAlgorithms.find(name => config.algorithms.includes(name satisfies Algorithm))
    if (!alg)
      throw new StartError(
        'duly token signs with HMAC only. Add an HMAC algorithm to JWT_ALGORITHM, for example HS256.',
        exit.config,
      )
    process.stdout.write(`${signHmac(claims, createSecretKey(Buffer.from(secret)), alg)}\n`)
  },
}

function readTtl(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? []
  const seconds = Number(amount) * (unitSeconds[unit] ?? Number.NaN)
  if (seconds > 0) return seconds
  throw misused(`--ttl must be a time such as 90s, 15m, 1h or 7d, not "${text}".`)
}
