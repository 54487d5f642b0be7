import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Name } from './contestants.ts'
import type { Measured } from './measure.ts'

/** The result of one contestant in one round. */
export interface Round extends Measured {
  /** Mebibytes; undefined if the system does not report it. */
  readonly peakRss: number | undefined
}

/** The result of a contestant in a scenario, over all rounds. */
export interface Result {
  readonly scenario: string
  readonly connections: number
  readonly contestant: Name
  readonly requestsPerSecond: number
  /** Milliseconds; null without responses. */
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  /** Microseconds of user and system time per request; null without responses or a process. */
  readonly serverCpu: number | null
  readonly databaseCpu: number | null
  /**
   * `serverCpu` divided by that of the bare program, or of the scenario in `against`, in the same
   * round: the median of all rounds.
   */
  readonly ratio: number | null
  /** The same ratio of the sum of `serverCpu` and `databaseCpu`. */
  readonly totalRatio: number | null
  /** Mebibytes, of the server's processes. */
  readonly peakRss: number | null
  readonly errors: number
}

/**
 * @param rounds the results of one contestant by round
 * @param base the results that it is compared with, of the same rounds
 */
export function resultOf(
  who: Pick<Result, 'scenario' | 'connections' | 'contestant'>,
  rounds: readonly Round[],
  base: readonly Round[],
): Result {
  const sum = (value: (measured: Measured) => number) =>
    rounds.reduce((total, each) => total + value(each), 0)
  const requests = sum(measured => measured.requests)
  const times = rounds.flatMap(measured => measured.times).sort((a, b) => a - b)
  const percentile = (part: number) => orNull(times[Math.floor(part * times.length)])
  const withDatabase = rounds.every(measured => measured.databaseCpu !== undefined)
  return {
    ...who,
    requestsPerSecond: requests / sum(measured => measured.seconds),
    p50: percentile(0.5),
    p95: percentile(0.95),
    p99: percentile(0.99),
    serverCpu: orNull(sum(measured => measured.serverCpu) / requests),
    databaseCpu: withDatabase ? orNull(sum(measured => measured.databaseCpu ?? 0) / requests) : null,
    ratio: median(rounds.map((measured, n) => serverCost(measured) / serverCost(base[n]))),
    totalRatio: median(rounds.map((measured, n) => totalCost(measured) / totalCost(base[n]))),
    peakRss: orNull(Math.max(...rounds.flatMap(({ peakRss }) => peakRss ?? []))),
    errors: sum(measured => measured.errors),
  }
}

function serverCost(measured: Measured | undefined): number {
  return measured ? measured.serverCpu / measured.requests : Number.NaN
}

function totalCost(measured: Measured | undefined): number {
  return measured ? (measured.serverCpu + (measured.databaseCpu ?? 0)) / measured.requests : Number.NaN
}

function median(values: readonly number[]): number | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}

function orNull(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value
}

const columns: readonly [string, (result: Result) => string][] = [
  ['requests/s', result => result.requestsPerSecond.toFixed(0)],
  ['p50 ms', result => show(result.p50, 1)],
  ['p95 ms', result => show(result.p95, 1)],
  ['p99 ms', result => show(result.p99, 1)],
  ['CPU µs', result => show(result.serverCpu, 1)],
  ['ratio', result => show(result.ratio, 2)],
  ['database µs', result => show(result.databaseCpu, 1)],
  ['total ratio', result => show(result.totalRatio, 2)],
  ['peak MiB', result => show(result.peakRss, 0)],
  ['errors', result => String(result.errors)],
]

/** A table as text: the results of a scenario at one number of connections. */
export function tableOf(results: readonly Result[], heading: string): string {
  const row = (first: string, cells: readonly string[]) =>
    `${first.padEnd(26)}${cells.map(cell => cell.padStart(12)).join('')}\n`
  const head = row(
    heading,
    columns.map(([name]) => name),
  )
  const lines = results.map(result =>
    row(
      `  ${result.contestant}`,
      columns.map(([, cell]) => cell(result)),
    ),
  )
  return [head, ...lines].join('')
}

function show(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits)
}

/** The versions and the machine of a run. */
export function circumstances(postgresVersion: string): object {
  return {
    date: new Date().toISOString(),
    node: process.version,
    postgres: postgresVersion,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
  }
}

/** @param folder ends with a slash @returns the file's name */
export function writeDated(folder: URL, question: string, found: object): string {
  const name = `${question}-${new Date().toISOString().slice(0, 10)}.json`
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(name, folder), `${JSON.stringify(found, undefined, 1)}\n`)
  return name
}
