import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { pino } from 'pino'
import { runCommandLine } from '../server/cli/command-line.ts'
import { commands } from '../server/cli/commands.ts'
import { failureOf } from '../server/cli/failure.ts'
import { readConfig } from '../server/config/config.ts'
import { startServer } from '../server/main.ts'
import { assertNoLeak, keepSettings } from './leaks.ts'
import { type Ended, inherited } from './program.ts'
import { type Env, shareWebAssembly } from './served.ts'

// A command in the process of the test: starting a process takes longer than most commands. It uses
// the settings, the streams and the exit code of this process, so one command runs at a time.

interface Output {
  stdout: string
  stderr: string
}

/** The command whose code runs. The test runner writes to standard output, too. */
const current = new AsyncLocalStorage<Output>()
for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name]
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
  stream.write = (text: string | Uint8Array, ...more: unknown[]) => {
    const output = current.getStore()
    if (!output) return write(text, ...more)
    output[name] += text
    return true
  }
}
// Each command adds listeners for the end of its process.
process.setMaxListeners(0)

/**
 * What `duly …` prints with these settings and none of this machine, and its exit code. Rejects if
 * a secret was printed. Not for commands that read standard input or write bytes, or that read the
 * database of a running server: they lower the priority of the process.
 */
export async function dulyHere(args: string[], env: Env = {}, cwd = process.cwd()): Promise<Ended> {
  const [name = ''] = args
  const isEmbedded = env.DATABASE_URL === undefined || name === 'copy' || args.includes('--verify')
  if (isEmbedded) await shareWebAssembly()
  const output = { stdout: '', stderr: '' }
  const { env: own, exitCode } = process
  const folder = process.cwd()
  keepSettings(env)
  process.env = { ...inherited(), ...env }
  process.exitCode = undefined
  process.chdir(cwd)
  try {
    await current.run(output, () => runCommandLine(args))
    return { code: Number(process.exitCode ?? 0), signal: null, ...output }
  } catch (error) {
    const { text, exitCode: code } = failureOf(error, Object.hasOwn(commands, name) ? name : undefined)
    return { code, signal: null, stdout: output.stdout, stderr: output.stderr + text }
  } finally {
    process.chdir(folder)
    process.env = own
    process.exitCode = exitCode
    assertNoLeak(output.stdout + output.stderr)
  }
}

/** What `duly doctor` prints, and the lines of what is wrong. */
export async function doctor(env: Env, run = dulyHere) {
  const { code, stdout, stderr } = await run(['doctor'], env)
  assert.equal(stderr, '')
  return { code, stdout, wrong: stdout.split('\n').filter(line => line.startsWith('✖')) }
}

/** The log, the error and the exit code of a start that fails with these settings. */
export async function failedStart(env: Env): Promise<Ended> {
  keepSettings(env)
  let stdout = ''
  const write = (line: string) => {
    stdout += line
  }
  try {
    const server = await startServer(readConfig(env), pino({ base: null }, { write }))
    await server.close()
    return { code: 0, signal: null, stdout, stderr: '' }
  } catch (error) {
    const { text: stderr, exitCode: code } = failureOf(error, 'start')
    assertNoLeak(stdout + stderr)
    return { code, signal: null, stdout, stderr }
  }
}
