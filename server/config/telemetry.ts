import { setting } from './setting.ts'
import { isPercentEncoded, type SettingsReader, webUrl } from './settings-reader.ts'

export const telemetrySettings = [
  setting('LOG_LEVEL', 'info', '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.'),
  setting('METRICS_PORT', 'none', 'Separate port for `/metrics`, on HOST.'),
  setting(
    'METRICS_TOKEN',
    'none',
    'Bearer token for `/metrics`, at least 16 characters. Without METRICS_PORT it enables `/metrics` on PORT.',
  ),
  setting(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'none',
    'Collector of traces (OTLP over HTTP), such as `http://localhost:4318`.',
  ),
  setting(
    'OTEL_EXPORTER_OTLP_HEADERS',
    'none',
    'Headers for the collector, as `name=value`; comma-separated, values percent-encoded.',
  ),
  setting('OTEL_SERVICE_NAME', 'duly', 'Name of this service in traces.'),
  setting(
    'OTEL_TRACES_SAMPLER_ARG',
    '1',
    'Share of requests to trace, from 0 to 1, unless a trusted proxy decides.',
  ),
]

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export interface TelemetryConfig {
  readonly logLevel: (typeof logLevels)[number]
  readonly metrics: MetricsConfig | undefined
  readonly traces: TracesConfig | undefined
}

/** At least one of the two is set. */
interface MetricsConfig {
  readonly port: number | undefined
  readonly token: string | undefined
}

interface TracesConfig {
  /** URL of the collector, with the path of traces. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly service: string
  /** From 0 to 1. */
  readonly share: number
}

export function readTelemetry(reader: SettingsReader, port: number): TelemetryConfig {
  return {
    logLevel: reader.oneOf('LOG_LEVEL', logLevels, 'info'),
    metrics: readMetrics(reader, port),
    traces: readTraces(reader),
  }
}

function readMetrics(reader: SettingsReader, serverPort: number): MetricsConfig | undefined {
  const token = reader.read('METRICS_TOKEN')
  if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token)) {
    reader.problem(
      'METRICS_TOKEN',
      'must have at least 16 ASCII characters, without spaces. Generate it with `openssl rand -hex 16`.',
    )
  }
  const isSeparate = reader.read('METRICS_PORT') !== undefined
  const port = isSeparate ? reader.integer('METRICS_PORT', 0, 65_535, 9464) : undefined
  // With 0 the system chooses a different port for each.
  if (port === serverPort && port > 0) {
    reader.problem(
      'METRICS_PORT',
      'must differ from PORT. Set another port, such as 9464, or METRICS_TOKEN alone.',
    )
  }
  return port === undefined && token === undefined ? undefined : { port, token }
}

function readTraces(reader: SettingsReader): TracesConfig | undefined {
  const value = reader.read('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (value === undefined) return undefined
  const url = webUrl(value)
  if (!url)
    return reader.problem('OTEL_EXPORTER_OTLP_ENDPOINT', 'must be a URL such as http://localhost:4318.')
  if (url.port === '4317') {
    reader.note(
      'OTEL_EXPORTER_OTLP_ENDPOINT: port 4317 is usually for gRPC. Traces are sent over HTTP, usually to port 4318.',
    )
  }
  // The path is appended to that of the endpoint (OTLP exporter, "Endpoint URLs for OTLP/HTTP").
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
  const share = Number(reader.read('OTEL_TRACES_SAMPLER_ARG') ?? '1')
  if (!(share >= 0 && share <= 1)) {
    reader.problem('OTEL_TRACES_SAMPLER_ARG', 'must be a number from 0 to 1, such as 0.1.')
  }
  const service = reader.read('OTEL_SERVICE_NAME') ?? 'duly'
  return { url, headers: readHeaders(reader), service, share }
}

function readHeaders(reader: SettingsReader): Record<string, string> {
  const pairs = reader.list('OTEL_EXPORTER_OTLP_HEADERS').map(pair => {
    const [, name = '', value = ''] = /^([\w-]+)\s*=(.*)$/.exec(pair) ?? []
    if (name === '' || !isPercentEncoded(value)) {
      reader.problem(
        'OTEL_EXPORTER_OTLP_HEADERS',
        'must be a comma-separated list of name=value, such as authorization=Bearer%20abc. Percent-encode spaces, % and commas in values.',
      )
      return ['', '']
    }
    return [name, decodeURIComponent(value).trim()]
  })
  return Object.fromEntries(pairs)
}
