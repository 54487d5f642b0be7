import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { OnStatement } from '../db/database.ts'

/** Seconds, from a fast read to a statement that times out. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

type Labels = Readonly<Record<string, string>>
/** One value, or one for each set of labels. */
export type Reading = number | readonly (readonly [Labels, number])[]

/**
 * The metrics of this replica, in the Prometheus text format. Names and labels follow
 * OpenTelemetry's semantic conventions; Duly's own begin with `duly_`. Metrics of the process and
 * of Node come from prom-client.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its response.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets,
    registers: [this.#registry],
  })
  readonly #statements = new Histogram({
    name: 'db_client_operation_duration_seconds',
    help: 'Time from sending a statement to its result, by name of the statement and SQLSTATE of the error.',
    labelNames: ['db_operation_name', 'error_type'],
    buckets,
    registers: [this.#registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  readonly contentType = this.#registry.contentType

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** @param route the pattern of the route: text from clients must not become a label */
  request(method: string, route: string, status: number, ms: number): void {
    const labels = { http_request_method: method, http_route: route, http_response_status_code: status }
    this.#requests.observe(labels, ms / 1000)
  }

  readonly onStatement: OnStatement = name => {
    const startedAt = performance.now()
    return (errorType = '') => {
      const labels = { db_operation_name: name || 'unnamed', error_type: errorType }
      this.#statements.observe(labels, (performance.now() - startedAt) / 1000)
    }
  }

  /** A histogram of seconds. @returns adds one */
  histogram(name: string, help: string): (seconds: number) => void {
    const histogram = new Histogram({ name, help, buckets, registers: [this.#registry] })
    return seconds => histogram.observe(seconds)
  }

  /** A counter whose value is read on each scrape. */
  counter(name: string, help: string, read: () => Reading): void {
    const counter: Counter = new Counter({
      ...this.#watched(name, help, read),
      collect: () => {
        counter.reset()
        for (const [labels, value] of rowsOf(read())) counter.inc(labels, value)
      },
    })
  }

  /** A gauge whose value is read on each scrape. */
  gauge(name: string, help: string, read: () => Reading): void {
    const gauge: Gauge = new Gauge({
      ...this.#watched(name, help, read),
      collect: () => {
        for (const [labels, value] of rowsOf(read())) gauge.set(labels, value)
      },
    })
  }

  #watched(name: string, help: string, read: () => Reading) {
    const [[labels] = [{}]] = rowsOf(read())
    return { name, help, labelNames: Object.keys(labels), registers: [this.#registry] }
  }
}

function rowsOf(reading: Reading): readonly (readonly [Labels, number])[] {
  return typeof reading === 'number' ? [[{}, reading]] : reading
}
