import { plannerSettings, type Statement, unprepared } from './database.ts'

interface Pin {
  readonly name: string
  readonly value: string
  /** Whether another value makes answers wrong: behind a pooler, where it cannot be set, such a role is refused. */
  readonly matters: boolean
}

const pin = (name: string, value: string, matters = true): Pin => ({ name, value, matters })

/**
 * Settings that change how values are written or read, what a statement finds, or how long it may take. A database or a role may set
 * each of them (ALTER DATABASE, ALTER ROLE … SET); every connection sets it back. Read-only transactions are not among them: who
 * switched them on meant it. Nor is `synchronous_commit`, which is the operator's to decide.
 */
export const pins: readonly Pin[] = [
  pin('DateStyle', 'ISO, MDY'),
  pin('IntervalStyle', 'postgres'),
  pin('TimeZone', 'UTC'),
  pin('extra_float_digits', '1'),
  pin('bytea_output', 'hex'),
  pin('standard_conforming_strings', 'on'),
  pin('array_nulls', 'on'),
  pin('transform_null_equals', 'off'),
  pin('quote_all_identifiers', 'off'),
  // What another schema holds must not stand before the functions of PostgreSQL.
  pin('search_path', 'public', false),
  pin('default_transaction_isolation', 'read committed'),
  pin('default_transaction_deferrable', 'off', false),
  pin('row_security', 'on'),
  // With a limit, a search by an index leaves rows out.
  pin('gin_fuzzy_search_limit', '0'),
  pin('lock_timeout', '0', false),
  pin('idle_session_timeout', '0', false),
  // Compiling a statement takes longer than running any of Duly's.
  pin('jit', 'off', false),
]

/** The same, for versions of PostgreSQL that know them. */
export function pinsOf(version: number): readonly Pin[] {
  return version >= 170_000 ? [...pins, pin('transaction_timeout', '0', false)] : pins
}

/** Set beside them, as parameters of their own. */
const alsoSet = [
  'client_encoding',
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  ...plannerSettings.map(setting => setting.replace(/=.*/, '')),
]

/** As command-line options of a session (`options` of the startup message). */
export function asOptions(settings: readonly Pin[]): string {
  return settings.map(({ name, value }) => `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`).join(' ')
}

/** As a statement for a session, or for the rest of a transaction. */
export function settingStatement(until: 'session' | 'transaction'): Statement {
  const calls = pins
    .filter(({ matters }) => matters || until === 'session')
    .map(({ name, value }) => `set_config('${name}', '${value}', ${until === 'transaction'})`)
  return unprepared(`select ${calls.join(', ')}`)
}

/** @returns the name of a pinned setting that these command-line options would set */
export function pinnedIn(options: string): string | undefined {
  const names = [...pins.map(({ name }) => name), 'transaction_timeout', ...alsoSet]
  const set = [...options.matchAll(/(?:^|\s)-(?:c\s*|-)([\w.-]+)\s*=/g)].map(([, name = '']) =>
    name.replaceAll('-', '_').toLowerCase(),
  )
  return names.find(name => set.includes(name.toLowerCase()))
}

/** Those whose value is not what Duly counts on. */
export function differing(found: Readonly<Record<string, string>>, behindPooler: boolean): readonly Pin[] {
  return pins.filter(({ name, value, matters }) => {
    const is = found[name]
    if (is === undefined || is === value || (behindPooler && !matters)) return false
    // Times come with their offset, and every float in full, so that these are as good.
    if (behindPooler && name === 'TimeZone') return false
    return !(name === 'extra_float_digits' && Number(is) >= 1)
  })
}
