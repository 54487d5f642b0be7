import { exit, StartError } from '../errors.ts'
import { type AccountConfig, readAccounts } from './accounts.ts'
import { type ContractConfig, readContract } from './contract.ts'
import { type CorsConfig, readCors } from './cors.ts'
import { type DatabaseConfig, readDatabase } from './database.ts'
import { type LimitConfig, readLimits } from './limits.ts'
import { type ListenConfig, readListen } from './listen.ts'
import { type PublicUrlConfig, readPublicUrl } from './public-url.ts'
import { readSecrets, type SecretConfig } from './secrets.ts'
import type { Env } from './setting.ts'
import { settings } from './settings.ts'
import { SettingsReader } from './settings-reader.ts'
import { readTelemetry, type TelemetryConfig } from './telemetry.ts'
import { readTokens, type TokenConfig } from './tokens.ts'
import { readWeb, type WebConfig } from './web.ts'
import { readWebhooks, type WebhookConfig } from './webhooks.ts'

export interface Config
  extends ListenConfig,
    PublicUrlConfig,
    CorsConfig,
    WebConfig,
    ContractConfig,
    DatabaseConfig,
    SecretConfig,
    TokenConfig,
    AccountConfig,
    LimitConfig,
    WebhookConfig,
    TelemetryConfig {
  /** Warnings for the log: settings that are ignored, and settings that will not work together. */
  readonly notes: readonly string[]
}

/**
 * Reads every setting from an environment.
 * @param notes about the environment, which come before those about the settings
 * @throws StartError (EX_CONFIG) that lists every problem with its value and its fix, and `notes`:
 * a misspelt name can be the reason. It repeats no secret.
 */
export function readConfig(env: Env, notes: readonly string[] = []): Config {
  const reader = new SettingsReader(env, settings, notes)
  const listen = readListen(reader)
  const config = {
    ...listen,
    ...readPublicUrl(reader),
    ...readCors(reader),
    ...readWeb(reader),
    ...readContract(reader),
    ...readDatabase(reader),
    ...readSecrets(reader),
    ...readTokens(reader),
    ...readAccounts(reader),
    ...readLimits(reader),
    ...readWebhooks(reader),
    ...readTelemetry(reader, listen.port),
  }
  if (reader.problems.length > 0) {
    const warnings = notes.length === 0 ? '' : `\nWarnings:${listed(notes)}`
    throw new StartError(`Invalid settings:${listed(reader.problems)}${warnings}`, exit.config)
  }
  return { ...config, notes: reader.notes }
}

const listed = (lines: readonly string[]): string => lines.map(line => `\n  - ${line}`).join('')
