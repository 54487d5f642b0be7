import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { assertNoLeak, keepSettings } from './leaks.ts'
import { briefly, type Env, soonStarted, testSecret } from './served.ts'

// The program as its users start it, in a separate process.

const cli = fileURLToPath(new URL('../server/cli.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly child: ChildProcess
  /** Rejects if a secret was printed. */
  readonly ended: Promise<Ended>
  /** The output so far. */
  output(): string
  /** Resolves with the match once the program has printed it; rejects if it ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
}

/** The environment of programs and commands, without settings of this machine. */
export function inherited(): Env {
  const { PATH = '', HOME = '', TEST_DATA, TMPDIR = TEST_DATA } = process.env
  return { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}) }
}

/** Starts `duly …` with these settings and none of this machine. */
export function duly(args: string[], env: Env = {}, program = cli, cwd = process.cwd()): Program {
  const started = [...(args[0] === 'start' ? soonStarted : briefly), program, ...args]
  const child = spawn(process.execPath, started, { cwd, env: { ...inherited(), ...env } })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  const grow = (add: (text: string) => void) => (chunk: Buffer) => {
    add(chunk.toString())
    for (const watcher of watchers) watcher()
  }
  child.stdout.on(
    'data',
    grow(text => {
      stdout += text
    }),
  )
  child.stderr.on(
    'data',
    grow(text => {
      stderr += text
    }),
  )
  keepSettings(env)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('close', (code, signal) => {
      try {
        assertNoLeak(stdout + stderr)
        resolve({ code, signal, stdout, stderr })
      } catch (error) {
        reject(error)
      }
    })
  })
  const output = () => stdout + stderr
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output())
        if (!match) return
        watchers.delete(look)
        resolve(match)
      }
      watchers.add(look)
      look()
      ended.then(() => reject(new Error(`ended without printing ${pattern}:\n${output()}`)), reject)
    })
  return { child, ended, output, printed }
}

export interface RunningServer extends Program {
  readonly url: string
}

/** Starts `duly start` on a free port and waits until it listens; SHUTDOWN_GRACE is 0. */
export async function dulyStart(env: Env, program = cli): Promise<RunningServer> {
  const settings = { PORT: '0', SHUTDOWN_GRACE: '0', BETTER_AUTH_SECRET: testSecret, ...env }
  const started = duly(['start'], settings, program)
  const [, url = ''] = await started.printed(/listening on (http:\/\/[\w.:[\]]+)/)
  return { ...started, url }
}
