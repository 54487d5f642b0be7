import { accountSettings } from './accounts.ts'
import { contractSettings } from './contract.ts'
import { corsSettings } from './cors.ts'
import { databaseSettings } from './database.ts'
import { limitSettings } from './limits.ts'
import { listenSettings } from './listen.ts'
import { publicUrlSettings } from './public-url.ts'
import { secretSettings } from './secrets.ts'
import type { Setting } from './setting.ts'
import { telemetrySettings } from './telemetry.ts'
import { tokenSettings } from './tokens.ts'
import { webSettings } from './web.ts'
import { webhookSettings } from './webhooks.ts'

/** Every setting, in the order of docs/settings.md. */
export const settings: readonly Setting[] = [
  ...listenSettings,
  ...publicUrlSettings,
  ...corsSettings,
  ...webSettings,
  ...contractSettings,
  ...databaseSettings,
  ...secretSettings,
  ...tokenSettings,
  ...accountSettings,
  ...limitSettings,
  ...webhookSettings,
  ...telemetrySettings,
]
