import { setting } from './setting.ts'
import { isNetwork, type SettingsReader } from './settings-reader.ts'

export const webhookSettings = [
  setting(
    'WEBHOOK_PRIVATE_NETWORKS',
    'none',
    'Private networks that webhooks may reach, also with `http:`: addresses or CIDR ranges; comma-separated.',
  ),
]

export interface WebhookConfig {
  /** Addresses and CIDR ranges. */
  readonly webhookNetworks: readonly string[]
}

export function readWebhooks(reader: SettingsReader): WebhookConfig {
  const webhookNetworks = reader.list('WEBHOOK_PRIVATE_NETWORKS').filter(entry => entry !== 'none')
  const unknown = webhookNetworks.find(entry => !isNetwork(entry))
  if (unknown !== undefined)
    reader.problem(
      'WEBHOOK_PRIVATE_NETWORKS',
      'must be addresses or CIDR ranges, separated by commas, such as 10.0.0.0/8,fd00::/8.',
      unknown,
    )
  return { webhookNetworks }
}
