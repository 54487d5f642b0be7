import { registrations } from '../app.ts'
import { openApi } from '../openapi/openapi.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { commandConfig } from './settings.ts'

const help = `Usage: duly openapi [--contract NAME]

Prints the OpenAPI 3.1 document that the server serves at /openapi.json, without starting it.

  --contract NAME  wire format of /api/{user_id}/tasks (CONTRACT; default task-api)`

export const openApiCommand: Command = {
  help,
  async run(args) {
    const { values } = readArguments(args, { contract: { type: 'string' } })
    const config = commandConfig({ CONTRACT: values.contract })
    const all = registrations(config)
    process.stdout.write(`${JSON.stringify(openApi(all), null, 2)}\n`)
  },
}
