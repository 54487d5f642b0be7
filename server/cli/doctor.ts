import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { secretsThere } from '../auth/secret.ts'
import { type Config, environment, readConfig } from '../config.ts'
import { connect } from '../db/connect.ts'
import { holderOf } from '../db/data-dir.ts'
import { checkDataDir } from '../doctor/data-dir.ts'
import { checkDatabase } from '../doctor/database.ts'
import type { Finding } from '../doctor/finding.ts'
import { StartError } from '../errors.ts'
import { createLog } from '../log.ts'
import { ask } from '../operator/control.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'

const help = `Usage: duly doctor

Checks the settings, the data directory, its lock, the database and the secret, whether a server is running or
not. It changes nothing. If it finds a problem, it prints how to fix it, and exits with 1.`

export const doctorCommand: Command = {
  help,
  async run(args) {
    readArguments(args, {})
    let wrong = 0
    for await (const { what, mend } of findings()) {
      process.stdout.write(mend === undefined ? `✔ ${what}\n` : `✖ ${what}\n${indented(mend)}\n`)
      if (mend !== undefined) wrong += 1
    }
    if (wrong > 0) process.exitCode = 1
  },
}

async function* findings(): AsyncGenerator<Finding> {
  let config: Config
  try {
    const notes: string[] = []
    const env = environment({}, notes)
    config = readConfig(env, notes)
  } catch (error) {
    yield failed('the settings cannot be used', error)
    return
  }
  yield { what: 'the settings can be read' }
  for (const note of config.notes) yield { what: 'a setting does not do what it seems to', mend: note }
  if (config.postgres) {
    yield* opened(config)
    return
  }
  const found = checkDataDir(config.dataDir)
  yield* found
  if (!existsSync(join(config.dataDir, 'postgres'))) {
    yield { what: `there is no database in ${config.dataDir} yet` }
    return
  }
  try {
    if (yield* asked(config.dataDir)) return
  } catch (error) {
    yield failed('the server that has the data cannot say how it is', error)
    return
  }
  yield* opened(config)
}

/** What the server on this data directory finds. @returns whether there is one */
async function* asked(dataDir: string): AsyncGenerator<Finding, boolean> {
  const lines = ask(dataDir, { command: 'check', args: [], input: '' })
  for (let first = true; ; first = false) {
    const { done, value } = await lines.next()
    if (done) return value
    if (first) yield { what: `a server has the data: ${holderOf(dataDir)}` }
    // The server has written it, in `checkOrder`.
    yield JSON.parse(value) as Finding
  }
}

async function* opened(config: Config): AsyncGenerator<Finding> {
  try {
    const { db } = await connect(config, createLog('error'))
    try {
      yield { what: `the database can be opened: ${db.label}` }
      yield* await checkDatabase(db, secretsThere(config))
    } finally {
      await db.close()
    }
  } catch (error) {
    yield failed('the database cannot be looked at', error)
  }
}

function failed(what: string, error: unknown): Finding {
  if (error instanceof StartError) return { what, mend: error.message }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return { what, mend: cause instanceof Error ? cause.message : String(cause) }
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ')
}
