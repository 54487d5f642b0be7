import { type ParseArgsConfig, parseArgs } from 'node:util'
import { exit, StartError } from '../errors.ts'

export type Options = NonNullable<ParseArgsConfig['options']>

/** A command's flags and words. @throws StartError (EX_USAGE) for a flag it does not know or that lacks its value. */
export function readArguments<const T extends Options>(args: string[], options: T, words = false) {
  try {
    const read = parseArgs({ args, options, allowPositionals: words, strict: true })
    const empty = Object.entries(read.values).find(([, value]) => value === '')
    if (empty) throw new Error(`--${empty[0]} needs a value`)
    return read
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(`${reason}\nSay --help for what can be said here.`, exit.usage)
  }
}
