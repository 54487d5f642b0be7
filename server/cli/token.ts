import { createSecretKey } from 'node:crypto'
import { signHmac } from '../auth/jwt.ts'
import { currentSecret } from '../auth/secret.ts'
import { type Algorithm, environment, hmacAlgorithms, readConfig } from '../config.ts'
import { exit, StartError } from '../errors.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'

const help = `Usage: duly token --user ID [--ttl TIME]

Prints a token with which the user ID may call the API.

  --user ID    whose token it is
  --ttl TIME   for how long it is good: 90s, 15m, 1h, 7d, or plain seconds (default 1h)`

const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

export const tokenCommand: Command = {
  help,
  async run(args) {
    const { values } = readArguments(args, {
      user: { type: 'string' },
      ttl: { type: 'string', default: '1h' },
    })
    const config = readConfig(environment())
    if (!/^[^\p{Cc}\p{Cs}]{1,255}$/u.test(values.user ?? '')) {
      throw new StartError('Say whose token it is: --user ID, with 1 to 255 characters.', exit.usage)
    }
    const secret = currentSecret(config)
    if (secret === undefined) {
      throw new StartError('There is no secret to sign with: set BETTER_AUTH_SECRET.', exit.config)
    }
    const now = Math.floor(Date.now() / 1000)
    const [[issuer], [audience]] = [config.rules.issuers, config.rules.audiences]
    const claims = {
      sub: values.user,
      iat: now,
      exp: now + readTtl(values.ttl),
      ...(issuer === undefined ? {} : { iss: issuer }),
      ...(audience === undefined ? {} : { aud: audience }),
    }
    const alg = hmacAlgorithms.find(name => config.algorithms.includes(name satisfies Algorithm))
    if (!alg)
      throw new StartError(
        'JWT_ALGORITHM accepts no HMAC token, and duly token prints no other.',
        exit.config,
      )
    process.stdout.write(`${signHmac(claims, createSecretKey(Buffer.from(secret)), alg)}\n`)
  },
}

function readTtl(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? []
  const seconds = Number(amount) * (unitSeconds[unit] ?? Number.NaN)
  if (seconds > 0) return seconds
  throw new StartError(`--ttl ${text} is no time: say 90s, 15m, 1h or 7d.`, exit.usage)
}
