import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { type Config, readConfig } from '../server/config/config.ts'
import { settings } from '../server/config/settings.ts'
import type { Env } from './served.ts'

// Reads the files in deploy/ and checks them with the program.

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Maximum seconds of a shutdown, beyond SHUTDOWN_GRACE. */
const closing = 7

// biome-ignore lint/suspicious/noExplicitAny: a manifest has no type until it is checked
export type Manifest = any

export function readText(path: string): string {
  return readFileSync(`${root}/${path}`, 'utf8')
}

/** The documents in a YAML file. Parser errors are failures. */
export function readYaml(path: string): Manifest[] {
  return parseAllDocuments(readText(path)).map(document => {
    assert.deepEqual([...document.errors, ...document.warnings], [], path)
    return document.toJS()
  })
}

/** The configuration from these settings, all of which must exist and be valid. */
export function accepted(env: Env): Config {
  const known = settings.flatMap(({ name, aliases }) => [name, ...aliases])
  assert.deepEqual(
    Object.keys(env).filter(name => !known.includes(name)),
    [],
    'not a setting of the program',
  )
  const config = readConfig(env)
  assert.deepEqual(config.notes, [])
  return config
}

/** Minimum seconds between SIGTERM and SIGKILL. */
export function stopSeconds(config: Config): number {
  return config.shutdownGrace + closing
}
