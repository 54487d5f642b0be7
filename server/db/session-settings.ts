import { plannerSettings, type Statement, unprepared } from './database.ts'

interface Pin {
  readonly name: string
  readonly value: string
  /** Whether another value makes answers wrong, so that it is rejected behind a pooler. */
  readonly matters: boolean
}

const pin = (name: string, value: string, matters = true): Pin => ({ name, value, matters })

/**
 * Settings that change how values are written or read, what a statement finds, or how long it may
 * take. A database or a role can set each of them (ALTER DATABASE, ALTER ROLE … SET), so every
 * connection sets its own value. Not included: read-only transactions, which are set on purpose,
 * and `synchronous_commit`, which the operator decides.
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
  // Functions of another schema must not hide those of PostgreSQL.
  pin('search_path', 'public', false),
  pin('default_transaction_isolation', 'read committed'),
  pin('default_transaction_deferrable', 'off', false),
  pin('row_security', 'on'),
  // With a limit, a search by index omits rows.
  pin('gin_fuzzy_search_limit', '0'),
  pin('lock_timeout', '0', false),
  pin('idle_session_timeout', '0', false),
  // Compiling a statement of Duly takes longer than running it.
  pin('jit', 'off', false),
]

/** With those that only newer versions of PostgreSQL have. */
export function pinsOf(version: number): readonly Pin[] {
  return version >= 170_000 ? [...pins, pin('transaction_timeout', '0', false)] : pins
}

/** Set in other ways: by the driver, or with the planner settings. */
const alsoSet = [
  'client_encoding',
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  ...plannerSettings.map(setting => setting.replace(/=.*/, '')),
]

/** The settings as command-line options, for `options` of the startup message. */
export function asOptions(settings: readonly Pin[]): string {
  return settings.map(({ name, value }) => `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`).join(' ')
}

/** A statement that applies the settings to a session, or to the rest of a transaction. */
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

/** The settings whose value is not the one that Duly needs. */
export function differing(found: Readonly<Record<string, string>>, behindPooler: boolean): readonly Pin[] {
  return pins.filter(({ name, value, matters }) => {
    const is = found[name]
    if (is === undefined || is === value || (behindPooler && !matters)) return false
    // Times are read with their offset, so every zone is right; floats in full, so 1 to 3 are.
    if (behindPooler && name === 'TimeZone') return false
    return !(name === 'extra_float_digits' && Number(is) >= 1)
  })
}
