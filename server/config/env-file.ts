import { lstatSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { exit, StartError } from '../errors.ts'
import { readStart } from '../regular-file.ts'
import { codeOf, explain } from '../system-error.ts'

interface EnvFile {
  readonly values: Readonly<Record<string, string>>
  /** Warnings about the file, as sentences. */
  readonly notes: readonly string[]
}

/** Far more than all settings together. */
const longest = 1024 * 1024

/**
 * The settings in a file, or none if the file is not named and does not exist.
 * @param named whether the operator named the file; a file found in the current directory must not
 * belong to another user. It may be a pipe: password managers provide settings that way.
 * @throws StartError if the file cannot be read, is not UTF-8, or can be changed by another user
 */
export function readEnvFile(file: string, named: boolean): EnvFile {
  const path = resolve(file)
  const quoted = JSON.stringify(path)
  try {
    if (!named && !isThere(path)) return { values: {}, notes: [] }
    const notes = refuseOthers(path, named)
    const { values, notes: more } = parseEnvFile(decode(readStart(path, longest + 1), quoted), quoted)
    return { values, notes: [...notes, ...more] }
  } catch (error) {
    const fix =
      codeOf(error) === 'EISDIR'
        ? 'Docker creates a directory if a file to mount does not exist. Remove it and create the file.'
        : codeOf(error) === 'EACCES'
          ? 'Run Duly as the user who owns it.'
          : undefined
    throw explain(error, `Cannot read the settings in ${quoted}`, fix)
  }
}

/** False also if this user cannot access the current directory, as under sudo. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    if (codeOf(error) === 'EACCES') return false
    throw error
  }
}

/**
 * The file contains the database URL and the secret: a user who can write it controls the server.
 * Node reports no owners on Windows, where files are private by default.
 */
function refuseOthers(path: string, named: boolean): string[] {
  const user = process.geteuid?.()
  if (user === undefined) return []
  const quoted = JSON.stringify(path)
  // A symbolic link as well: its owner decides which file is read.
  const files = [lstatSync(path), statSync(path)]
  const otherOwner = files.map(({ uid }) => uid).find(uid => uid !== user && uid !== 0)
  const problem =
    otherOwner !== undefined
      ? `it belongs to user ${otherOwner}, and Duly runs as user ${user}`
      : files.some(isOpen)
        ? 'every user of this machine can change it'
        : undefined
  if (problem !== undefined && !named) {
    const fix = otherOwner === undefined ? `chmod o-w ${path}` : `chown ${user} ${path}`
    throw new StartError(
      `Refusing the settings in ${quoted}: ${problem}. Run "${fix}", or set ENV_FILE=${path} to use it anyway.`,
      exit.config,
    )
  }
  const folder = dirname(path)
  if (problem === undefined && isOpen(statSync(folder))) {
    return [`Every user of this machine can replace ${quoted}: run "chmod o-w ${folder}".`]
  }
  return problem === undefined ? [] : [`${quoted} is not safe: ${problem}.`]
}

/**
 * Whether every user can write it and so change what is read. A sticky bit lets only the owner of a
 * file replace it.
 */
function isOpen(stats: Stats): boolean {
  if (stats.isSymbolicLink() || stats.isCharacterDevice()) return false
  return (stats.mode & 0o002) !== 0 && !(stats.isDirectory() && (stats.mode & 0o1000) !== 0)
}

function decode(bytes: Buffer, quoted: string): string {
  if (bytes.length > longest) {
    throw new StartError(
      `Cannot read the settings in ${quoted}: it has more than 1 MiB. Check the path.`,
      exit.config,
    )
  }
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (isUtf16 || bytes.includes(0)) {
    throw new StartError(
      `Cannot read the settings in ${quoted}: it is UTF-16. Save it as UTF-8.`,
      exit.config,
    )
  }
  try {
    // Removes a byte order mark.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new StartError(
      `Cannot read the settings in ${quoted}: it is not UTF-8. Save it as UTF-8.`,
      exit.config,
    )
  }
}

const quotes = `'"\``

/**
 * Parses `NAME=value` lines like `util.parseEnv`: an optional `export`, quoted values that may span
 * lines, and comments. Unlike there, `#` begins a comment only after white space, since passwords
 * contain it, and invalid lines are reported.
 */
export function parseEnvFile(text: string, quoted = '.env'): EnvFile {
  const values: Record<string, string> = {}
  const notes: string[] = []
  const lines = text.split(/\r\n|\n|\r/)
  for (let n = 0; n < lines.length; n += 1) {
    const line = (lines[n] ?? '').trim()
    const place = `Line ${n + 1} of ${quoted}`
    if (line === '' || line.startsWith('#')) continue
    const [, name, rest = ''] = /^(?:export\s+)?([\w.-]+)\s*=\s*(.*)$/s.exec(line) ?? []
    if (name === undefined) {
      notes.push(`${place} is ignored: it is not NAME=value.`)
      continue
    }
    if (Object.hasOwn(values, name)) notes.push(`${place} sets ${name} again; the last value is used.`)
    const quote = rest[0] ?? ''
    if (quote === '' || !quotes.includes(quote)) {
      values[name] = rest.replace(/(^|\s+)#.*$/s, '').trim()
      continue
    }
    const whole = [rest, ...lines.slice(n + 1)].join('\n')
    const end = whole.indexOf(quote, 1)
    if (end === -1) {
      notes.push(`${place} begins with a quotation mark that is not closed; it is part of the value.`)
      values[name] = rest
      continue
    }
    const inside = whole.slice(1, end)
    const after =
      whole
        .slice(end + 1)
        .split('\n')[0]
        ?.trim() ?? ''
    if (after !== '' && !after.startsWith('#')) {
      notes.push(`${place} continues after the closing quotation mark; the rest is ignored.`)
    }
    values[name] = quote === '"' ? inside.replaceAll('\\n', '\n') : inside
    n += inside.split('\n').length - 1
  }
  return { values, notes }
}
