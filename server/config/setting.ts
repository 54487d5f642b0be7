/** One row of the table of settings, for `duly start --help` and docs/settings.md. */
export interface Setting {
  readonly name: string
  /** Names that existing deployments use. The first name that is set is used. */
  readonly aliases: readonly string[]
  readonly fallback: string
  readonly meaning: string
}

export type Env = Readonly<Record<string, string | undefined>>

export function setting(
  name: string,
  fallback: string,
  meaning: string,
  aliases: readonly string[] = [],
): Setting {
  return { name, aliases, fallback, meaning }
}

/** An empty variable counts as unset: compose files and dashboards pass on empty fields. */
export function isSet(name: string, env: Env): boolean {
  return env[name] !== undefined && env[name].trim() !== ''
}
