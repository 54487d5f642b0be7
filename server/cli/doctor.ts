import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { secretsThere } from '../auth/secret.ts'
import { type Config, readConfig } from '../config/config.ts'
import { readEnv } from '../config/environment.ts'
import { connect } from '../db/connect.ts'
import { holderOf } from '../db/data-dir.ts'
import { checkDataDir } from '../doctor/data-dir.ts'
import { checkDatabase } from '../doctor/database.ts'
import type { Finding } from '../doctor/finding.ts'
import { StartError } from '../errors.ts'
import { createLog } from '../log.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { openSnapshot } from './open-snapshot.ts'

const help = `Usage: duly doctor

Checks the settings, the data directory and its lock, the database and the secret, whether a server is running
or not. It changes nothing. It prints how to fix each problem, and exits with 1 if there is one.`

export const doctorCommand: Command = {
  help,
  async run(args) {
    readArguments(args, {})
    let wrong = 0
    for await (const { what, fix } of findings()) {
      process.stdout.write(fix === undefined ? `✔ ${what}\n` : `✖ ${what}\n${indented(fix)}\n`)
      if (fix !== undefined) wrong += 1
    }
    if (wrong > 0) process.exitCode = 1
  },
}

async function* findings(): AsyncGenerator<Finding> {
  let config: Config
  try {
    const notes: string[] = []
    const env = readEnv({}, notes)
    config = readConfig(env, notes)
  } catch (error) {
    yield failed('the settings are invalid', error)
    return
  }
  yield { what: 'the settings are valid' }
  for (const note of config.notes) yield { what: 'a setting needs attention', fix: note }
  if (config.postgres) {
    yield* opened(config)
    return
  }
  const found = checkDataDir(config.dataDir)
  yield* found
  if (!existsSync(join(config.dataDir, 'postgres'))) {
    yield { what: `there is no database in "${config.dataDir}" yet` }
    return
  }
  try {
    if (yield* copied(config)) return
  } catch (error) {
    yield failed('cannot check the database of the running server', error)
    return
  }
  yield* opened(config)
}

/** Checks a copy of the database of the running server. @returns whether a server is running */
async function* copied(config: Config): AsyncGenerator<Finding, boolean> {
  const snapshot = await openSnapshot(config.dataDir)
  if (!snapshot) return false
  try {
    yield { what: `a server is running: ${holderOf(config.dataDir)}` }
    yield* await checkDatabase(snapshot.db, secretsThere(config))
  } finally {
    await snapshot.close()
  }
  return true
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
    yield failed('cannot check the database', error)
  }
}

function failed(what: string, error: unknown): Finding {
  if (error instanceof StartError) return { what, fix: error.message }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return { what, fix: cause instanceof Error ? cause.message : String(cause) }
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ')
}
