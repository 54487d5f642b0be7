import { closest } from '../closest.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Shorter names are close to those of other programs, such as `HOSTS` or `LPORT`. */
const shortest = 6
/** Names close to a short setting that are in use elsewhere, in capitals. */
const ofOthers = ['GHOST', 'HOT', 'POT', 'SPORT', 'WE']

/**
 * Warnings about misspelt settings. In the environment, which other programs use too, only names
 * close to a setting are reported; in a settings file, every unknown name.
 */
export function misspelt(environment: Env, file: Env, known: readonly string[]): string[] {
  const inEnvironment = Object.keys(environment).flatMap(name => {
    const meant = known.includes(name) ? undefined : meantBy(name, known)
    return meant === undefined ? [] : [`${name} is not a setting of Duly. Did you mean ${meant}?`]
  })
  const inFile = Object.keys(file)
    .filter(name => !known.includes(name))
    .map(name => {
      const meant = meantBy(name, known)
      return meant === undefined ? name : `${name} (did you mean ${meant}?)`
    })
  if (inFile.length === 0) return inEnvironment
  return [...inEnvironment, `The settings file sets names that Duly does not know: ${inFile.join(', ')}.`]
}

function meantBy(name: string, known: readonly string[]): string | undefined {
  const plain = plainOf(name)
  const own = plain.replace(/^DULY/, '')
  const same = known.find(
    candidate => plainOf(candidate) === own && (own !== plain || plain.length >= shortest),
  )
  if (same !== undefined) return same
  if (name.length < shortest) return shortMeantBy(name, known)
  const candidates = known.filter(candidate => candidate.length >= shortest)
  return closest(name.toUpperCase(), candidates, name.length < 9 ? 1 : 2)
}

/**
 * A short name with one character missing, doubled or swapped with the next: `PROT`, `HOSTT`. Names
 * that begin or end with that of a setting are other names: `LPORT`, `PORTS`.
 */
function shortMeantBy(name: string, known: readonly string[]): string | undefined {
  if (!/^[A-Z]{3,}$/.test(name) || ofOthers.includes(name)) return undefined
  const candidates = known.filter(candidate => candidate.length < shortest)
  const meant = closest(name, candidates, 1)
  if (meant === undefined || name === `${meant}${meant.at(-1)}`) return meant
  return name.startsWith(meant) || name.endsWith(meant) ? undefined : meant
}

/** The name without case and separators. */
function plainOf(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z\d]/g, '')
}

/**
 * Warnings about values in quotation marks or with spaces around them, without the values: `docker
 * --env-file` and some dashboards make these part of the value.
 */
export function strangeValues(environment: Env, known: readonly string[]): string[] {
  return known.flatMap(name => {
    const value = environment[name]
    if (value === undefined || value.trim() === '') return []
    const trimmed = value.trim()
    const [first = '', last = ''] = [trimmed.at(0), trimmed.at(-1)]
    const isQuoted = trimmed.length > 1 && first === last && `'"\``.includes(first)
    return [
      ...(isQuoted
        ? [`The value of ${name} has quotation marks around it, which are taken as part of it.`]
        : []),
      ...(trimmed === value ? [] : [`The value of ${name} has white space around it, which is ignored.`]),
    ]
  })
}
