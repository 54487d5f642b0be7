import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { OnStatement } from '../db/database.ts'

/** Seconds: from a task that is read at once to a statement that is given up. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

type Labels = Readonly<Record<string, string>>
/** One number, or one for each set of labels. */
export type Reading = number | readonly (readonly [Labels, number])[]

/**
 * What this replica has done and how it is, in Prometheus' text format. Names and labels are those of OpenTelemetry's semantic
 * conventions where they have one, else they begin with `duly_`; those of the process and of Node are prom-client's.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets,
    registers: [this.#registry],
  })
  readonly #statements = new Histogram({
    name: 'db_client_operation_duration_seconds',
    help: 'Time from sending a statement to its answer, by the name of the statement and the SQLSTATE with which it failed.',
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

  /** @param route its pattern: what clients make up must not become labels */
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

  /** A sum that some part keeps anyway; it is read when somebody looks. */
  counter(name: string, help: string, read: () => Reading): void {
    const counter: Counter = new Counter({
      ...this.#watched(name, help, read),
      collect: () => {
        counter.reset()
        for (const [labels, value] of rowsOf(read())) counter.inc(labels, value)
      },
    })
  }

  /** A state that some part knows anyway. */
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
