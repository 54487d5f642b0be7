#!/usr/bin/env node
import './db/navigator.ts'
import { runCommandLine } from './cli/command-line.ts'
import { commands } from './cli/commands.ts'
import { failureOf, watchOutput } from './cli/failure.ts'

const [named = ''] = process.argv.slice(2)

function fail(error: unknown): void {
  const { text, exitCode } = failureOf(error, Object.hasOwn(commands, named) ? named : undefined)
  process.stderr.write(text)
  process.exitCode = exitCode
}

watchOutput()
process.on('uncaughtException', error => {
  fail(error)
  process.exit()
})
runCommandLine(process.argv.slice(2)).catch(fail)
