import { relative } from 'node:path'
import type { run } from 'node:test'
import { inspect } from 'node:util'

type TestsStream = ReturnType<typeof run>

/** The error in which node:test wraps what a test throws. */
interface Thrown {
  readonly message: string
  readonly cause?: unknown
  readonly failureType?: string
  readonly exitCode?: number | null
  readonly signal?: string | null
}

interface File {
  /** The names of the open suites and of the current test, by nesting level. */
  readonly path: (string | undefined)[]
  /** The end of its standard error. */
  said: string
}

const shownLines = 12
const shownColumns = 300

/** The results of a run: the number of passed tests, and the failures with their locations. */
export class Outcome {
  passed = 0
  readonly failures: string[] = []
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** Adds the result of a check. */
  add(name: string, isGood: boolean, reason = ''): void {
    if (isGood) this.passed += 1
    else this.failures.push(name + shown(reason))
  }

  /**
   * Adds the results of tests as they end.
   * @param databaseOf the database of a process, by the file that it runs
   */
  follow(stream: TestsStream, databaseOf: (file: string) => string): void {
    const files = new Map<string, File>()
    // Processes are reported one after the other. Each runs one or more test files.
    let program = ''
    const fileOf = (name = '') => {
      const known = files.get(name) ?? { path: [], said: '' }
      files.set(name, known)
      return known
    }
    stream.on('test:start', ({ file, name, nesting }) => {
      if (nesting === 0) program = file ?? ''
      const { path } = fileOf(file)
      path.length = nesting
      path[nesting] = name
    })
    stream.on('test:stderr', ({ file, message }) => {
      const known = fileOf(file)
      known.said = (known.said + message).slice(-shownLines * shownColumns)
    })
    // An error after the end of a test is reported with the next file, without a name.
    let late = ''
    stream.on('test:diagnostic', ({ message }) => {
      if (message.startsWith('Error: ')) late = message
    })
    stream.on('test:pass', ({ details, skip, name, nesting, file = '' }) => {
      // A file is reported as a test, and a suite is the sum of its tests.
      if (details.type === 'suite' || this.#isFile(name, file)) return
      if (skip === undefined) this.passed += 1
      else
        this.#fail(databaseOf(program), file, [...fileOf(file).path.slice(0, nesting), name], 'was skipped')
    })
    stream.on('test:fail', ({ details, name, nesting, file = '' }) => {
      const thrown = details.error as Error & Thrown
      // A suite fails with its tests; it fails on its own if a hook fails.
      if (details.type === 'suite' && thrown.failureType === 'subtestsFailed') return
      const { path, said } = fileOf(file)
      if (!this.#isFile(name, file))
        return this.#fail(databaseOf(program), file, [...path.slice(0, nesting), name], reasonOf(thrown))
      this.#fail(databaseOf(program), file, [], [reasonOf(thrown), late, said].join('\n'))
      late = ''
    })
  }

  /** The failures, and last their number, for readers who only see the end of the output. */
  toString(): string {
    const listed = this.failures.map(failure => `✖ ${failure}\n\n`).join('')
    return `\n${listed}${this.passed} passed, ${this.failures.length} failed\n`
  }

  #isFile(name: string, file: string): boolean {
    return name === file || name === relative(process.cwd(), file)
  }

  #fail(database: string, file: string, path: readonly (string | undefined)[], reason: string): void {
    const source = relative(this.#root, file)
      .replace(/^dist./, '')
      .replace(/js$/, 'ts')
    const names = path.filter(name => name !== undefined)
    this.failures.push([`${source} ${database}`, ...names].join(' › ') + shown(reason))
  }
}

/** The first lines, without those of Node itself. */
function shown(reason: string): string {
  const lines = reason.trimEnd().split('\n')
  const own = lines.filter(line => line !== '' && !/^ *at .*\(?node:/.test(line)).slice(0, shownLines)
  return own.map(line => `\n    ${line.slice(0, shownColumns)}`).join('')
}

function reasonOf({ message, cause, exitCode, signal }: Thrown): string {
  if (exitCode !== undefined || signal !== undefined)
    return `The file ended with ${signal ?? `code ${exitCode}`}.`
  if (!(cause instanceof Error)) return String(cause ?? message)
  return cause.cause === undefined ? (cause.stack ?? cause.message) : inspect(cause)
}
