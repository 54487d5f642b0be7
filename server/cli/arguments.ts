import { type ParseArgsConfig, parseArgs } from 'node:util'
import { suggestion } from '../closest.ts'
import { exit, StartError } from '../errors.ts'

export type Options = NonNullable<ParseArgsConfig['options']>

/**
 * Parses the options and positional arguments of a command.
 * @param words whether the command accepts positional arguments
 * @throws StartError (EX_USAGE) for an unknown option, a missing value or an unexpected argument
 */
export function readArguments<const T extends Options>(args: string[], options: T, words = false) {
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional' && !words) throw misused(`Unexpected argument "${token.value}".`)
    if (token.kind === 'option') checkOption(token, options)
  }
  return parseArgs({ args, options, allowPositionals: words, strict: true })
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function checkOption({ name, rawName, value, inlineValue }: OptionToken, options: Options): void {
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  if (!option) {
    const known = Object.keys(options).map(other => `--${other}`)
    throw misused(`Unknown option "${rawName}".${suggestion(rawName, known)}`)
  }
  if (option.type === 'boolean') {
    if (value !== undefined) throw misused(`${rawName} does not take a value.`)
    return
  }
  const isNextOption = !inlineValue && value !== undefined && /^-./.test(value)
  if (value === undefined || value === '' || isNextOption) throw misused(`${rawName} needs a value.`)
}

/** The subcommand that `word` names. @throws StartError (EX_USAGE) if it is missing or unknown */
export function readVerb<const T extends string>(
  command: string,
  word: string | undefined,
  verbs: readonly T[],
): T {
  const verb = verbs.find(candidate => candidate === word)
  if (verb !== undefined) return verb
  const list = `${verbs.slice(0, -1).join(', ')} or ${verbs.at(-1)}`
  if (word === undefined) throw misused(`Name a subcommand: duly ${command} ${list}.`)
  throw misused(`Unknown subcommand "${word}".${suggestion(word, verbs)} Use duly ${command} ${list}.`)
}

/** The single positional argument of a command. */
export function readWord(words: readonly string[], what: string): string {
  const [word, extra] = words
  if (word === undefined || word === '') throw misused(`${what} is missing.`)
  if (extra !== undefined) throw misused(`Unexpected argument "${extra}".`)
  return word
}

export function misused(message: string): StartError {
  return new StartError(message, exit.usage)
}
