import { isIP } from 'node:net'
import { type Env, isSet, type Setting } from './setting.ts'

/** Reads settings from an environment and collects every problem and every note. */
export class SettingsReader {
  readonly env: Env
  /** Sentences that name a setting and its fix, and repeat no value of a secret or a URL. */
  readonly problems: string[] = []
  readonly #notes = new Set<string>()
  readonly #aliases: ReadonlyMap<string, readonly string[]>

  constructor(env: Env, settings: readonly Setting[], notes: readonly string[]) {
    this.env = env
    this.#aliases = new Map(settings.map(({ name, aliases }) => [name, aliases]))
    for (const note of notes) this.note(note)
  }

  get notes(): readonly string[] {
    return [...this.#notes]
  }

  note(sentence: string): void {
    this.#notes.add(sentence)
  }

  /** @returns undefined, so that a function can return the problem in place of a value */
  problem(name: string, fix: string): undefined {
    const [used = name] = this.#setNames(name)
    this.problems.push(`${used}: ${fix}`)
    return undefined
  }

  /** @returns the trimmed value; undefined where the setting is unset or empty */
  read(name: string): string | undefined {
    const [used, ...ignored] = this.#setNames(name)
    if (used === undefined) return undefined
    for (const other of ignored) {
      if (this.env[other] !== this.env[used]) this.note(`${other} is ignored, because ${used} is set.`)
    }
    return this.env[used]?.trim()
  }

  list(name: string): string[] {
    return splitList(this.read(name) ?? '')
  }

  oneOf<const T extends string>(name: string, values: readonly T[], fallback: T): T {
    const value = this.read(name)
    if (value === undefined) return fallback
    const known = values.find(candidate => candidate === value)
    if (known === undefined) this.problem(name, `must be one of ${values.join(', ')}.`)
    return known ?? fallback
  }

  /** Several of these, separated by commas. */
  someOf<const T extends string>(name: string, values: readonly T[]): readonly T[] {
    const items = this.list(name)
    if (items.some(item => !values.some(value => value === item)))
      this.problem(name, `has an unknown entry. Use ${values.join(', ')}, separated by commas.`)
    return values.filter(value => items.includes(value))
  }

  integer(name: string, min: number, max: number, fallback: number): number {
    const value = this.read(name)
    if (value === undefined) return fallback
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    this.problem(name, `must be a whole number from ${min} to ${max}.`)
    return fallback
  }

  #setNames(name: string): readonly string[] {
    return [name, ...(this.#aliases.get(name) ?? [])].filter(candidate => isSet(candidate, this.env))
  }
}

export function splitList(value: string): string[] {
  return value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

/** @returns undefined for anything but an absolute URL of http or https */
export function webUrl(value: string): URL | undefined {
  const url = parseUrl(value)
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined
}

export function parseUrl(value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined
}

/** Whether it is an address or a CIDR range. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  const version = address.includes('%') ? 0 : isIP(address)
  const most = version === 6 ? 128 : 32
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
  return version !== 0 && isLength && more === undefined
}

export function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
