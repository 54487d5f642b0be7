import type { Config } from '../config/config.ts'
import type { OnStatement } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Metrics } from './metrics.ts'
import type { Traces } from './traces.ts'

/** Metrics and traces. They are loaded only if they are enabled. */
export interface Telemetry {
  readonly metrics: Metrics | undefined
  readonly traces: Traces | undefined
  /** Absent unless metrics or traces are enabled. */
  readonly onStatement: OnStatement | undefined
  close(): Promise<void>
}

type Options = Pick<Config, 'metrics' | 'traces'>

/** Loads only what is enabled: the libraries take longer to load than the rest of the start. */
export async function openTelemetry(config: Options, log: Log): Promise<Telemetry> {
  const metrics = config.metrics && new (await import('./metrics.ts')).Metrics()
  const traces = config.traces && (await import('./traces.ts')).openTraces(config.traces, log)
  return {
    metrics,
    traces,
    onStatement: both(metrics?.onStatement, traces?.onStatement),
    close: async () => traces?.close(),
  }
}

function both(one: OnStatement | undefined, other: OnStatement | undefined): OnStatement | undefined {
  if (!one || !other) return one ?? other
  return name => {
    const ended = [one(name), other(name)]
    return errorType => {
      for (const end of ended) end(errorType)
    }
  }
}
