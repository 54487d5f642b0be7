import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { type Config, readConfig } from '../server/config/config.ts'
import { settings } from '../server/config/settings.ts'
import type { Env } from './served.ts'

// What stands in deploy/, read and held against the program.

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Seconds that closing takes at most, beyond SHUTDOWN_GRACE. */
const closing = 7

// biome-ignore lint/suspicious/noExplicitAny: a manifest is whatever it is until it was checked
export type Manifest = any

export function readText(path: string): string {
  return readFileSync(`${root}/${path}`, 'utf8')
}

/** The documents in a YAML file, with a complaint of the parser as a failure. */
export function readYaml(path: string): Manifest[] {
  return parseAllDocuments(readText(path)).map(document => {
    assert.deepEqual([...document.errors, ...document.warnings], [], path)
    return document.toJS()
  })
}

/** The settings that the program makes of these, all of which it has to know and to accept. */
export function accepted(env: Env): Config {
  const known = settings.flatMap(({ name, aliases }) => [name, ...aliases])
  assert.deepEqual(
    Object.keys(env).filter(name => !known.includes(name)),
    [],
    'no setting of the program',
  )
  const config = readConfig(env)
  assert.deepEqual(config.notes, [])
  return config
}

/** How long whatever sends SIGTERM has to wait at least before it kills. */
export function stopSeconds(config: Config): number {
  return config.shutdownGrace + closing
}
