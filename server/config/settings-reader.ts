import { isIP } from 'node:net'
import { closest } from '../closest.ts'
import { quote } from '../quote.ts'
import { type Env, isSet, type Setting } from './setting.ts'
import { shownValue } from './shown-value.ts'

/** Reads settings from an environment and collects every problem and every note. */
export class SettingsReader {
  readonly env: Env
  /** Sentences with a setting, its value unless that is secret, and the fix. */
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

  /** Notes something about a setting, under the name that is used. */
  noteAbout(name: string, predicate: string): void {
    this.note(`${this.#setNames(name)[0] ?? name} ${predicate}`)
  }

  /**
   * @param entry of a list, if it is known which one is wrong
   * @returns undefined, so that a function can return the problem in place of a value
   */
  problem(name: string, fix: string, entry?: string): undefined {
    const [used] = this.#setNames(name)
    const value = used === undefined ? '' : (this.env[used]?.trim() ?? '')
    const shown = used === undefined ? undefined : shownValue(name, value)
    const place = entry === undefined || entry === value ? '' : ` (entry ${quote(entry)})`
    this.problems.push(`${used ?? name}${shown === undefined ? '' : `=${shown}`}${place}: ${fix}`)
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
    if (known === undefined)
      this.problem(name, `must be one of ${values.join(', ')}.${meantBy(value, values)}`)
    return known ?? fallback
  }

  /** Several of these, separated by commas. */
  someOf<const T extends string>(name: string, values: readonly T[]): readonly T[] {
    const items = this.list(name).filter(item => item !== 'none')
    const unknown = items.find(item => !values.some(value => value === item))
    if (unknown !== undefined)
      this.problem(
        name,
        `must be one or more of ${values.join(', ')}, separated by commas.${meantBy(unknown, values)}`,
        unknown,
      )
    return values.filter(value => items.includes(value))
  }

  integer(name: string, min: number, max: number, fallback: number): number {
    const value = this.read(name)
    if (value === undefined) return fallback
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    this.problem(name, `must be a whole number from ${min} to ${max}, such as ${fallback}.`)
    return fallback
  }

  #setNames(name: string): readonly string[] {
    return [name, ...(this.#aliases.get(name) ?? [])].filter(candidate => isSet(candidate, this.env))
  }
}

function meantBy(value: string, known: readonly string[]): string {
  const meant = known.find(name => name === value.toLowerCase()) ?? closest(value.toLowerCase(), known)
  return meant === undefined ? '' : ` Did you mean ${meant}?`
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
