import { brokenRules } from '../errors.ts'
import { inputReader } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import { idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { sendChange } from '../http/own-changes.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { notValue } from '../quote.ts'
import {
  changeSettings,
  defaultSettings,
  type SettingsChange,
  settings,
  settingsOf,
} from '../tasks/settings.ts'
import { isTimeZone } from '../tasks/when.ts'
import { bodyReader } from './body.ts'

// The settings of the user.

const path = '/api/v1/settings'
const { names, fields } = settings
const schemas = Object.fromEntries(names.map(name => [name, schemaOf(fields[name])]))
const read = bodyReader(inputReader(names.map(name => ({ name, field: fields[name] }))), names, names)

const get: Route = {
  method: 'GET',
  path,
  scope: 'account',
  operation: {
    id: 'getSettings',
    summary: 'Get your settings',
    description: 'Returns the settings of the user.',
    answers: {
      200: { description: 'Your settings.', schema: ref('Settings'), example: { ...defaultSettings } },
    },
  },
  async handle(request, reply, { db }) {
    return sendJson(reply, JSON.stringify((await settingsOf(db, request.userId)).settings))
  },
}

const change: Route = {
  method: 'PATCH',
  path,
  scope: 'account',
  operation: {
    id: 'changeSettings',
    summary: 'Change your settings',
    description: 'A JSON Merge Patch (RFC 7396).',
    parameters: [idempotencyKey],
    body: {
      required: true,
      mediaTypes: ['application/merge-patch+json', 'application/json'],
      schema: ref('SettingsChange'),
      examples: { zone: { time_zone: 'Europe/Berlin', week_start: 'monday' } },
    },
    answers: {
      200: {
        description: 'Your settings.',
        schema: ref('Settings'),
        example: { ...defaultSettings },
        headers: replayedHeader,
      },
    },
  },
  handle(request, reply, context) {
    const values = read(readJson(request)).values as SettingsChange
    if (values.time_zone !== undefined && !isTimeZone(values.time_zone))
      throw brokenRules([
        {
          field: 'time_zone',
          message: `Time zone must be an IANA name such as Europe/Berlin${notValue(values.time_zone)}.`,
        },
      ])
    return sendChange(
      request,
      reply,
      context,
      change => changeSettings(change, values),
      ({ result }) => ({ status: 200, body: JSON.stringify(result) }),
      { isUndoable: false, isShown: true },
    )
  },
}

export const settingsRoutes: RouteModule = {
  name: 'settings',
  about: 'Preferences of the user. The time zone decides what is due today.',
  schemas: { Settings: closed(schemas), SettingsChange: sent(schemas) },
  routes: [get, change],
}
