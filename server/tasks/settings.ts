import { quick, type Session, statement } from '../db/database.ts'
import { type ChangeOf, fieldTable, type ItemOf } from '../fields/field.ts'
import type { Change } from './change/change.ts'
import { type Entry, saveLog } from './change/save.ts'
import { actions, itemTypes } from './changes.ts'
import { isSame } from './rules.ts'

/** What a user prefers. Servers use the time zone; the rest is for clients. */
export const settings = fieldTable({
  time_zone: {
    kind: 'text',
    writable: true,
    maxLength: 50,
    description: 'An IANA name. Today and overdue are evaluated in it.',
    example: 'Europe/Berlin',
  },
  week_start: { kind: 'text', writable: true, values: ['monday', 'saturday', 'sunday'], example: 'monday' },
  date_format: {
    kind: 'text',
    writable: true,
    values: ['YYYY-MM-DD', 'DD.MM.YYYY', 'DD/MM/YYYY', 'MM/DD/YYYY'],
    example: 'YYYY-MM-DD',
  },
  time_format: { kind: 'text', writable: true, values: ['24h', '12h'], example: '24h' },
  language: {
    kind: 'text',
    writable: true,
    maxLength: 35,
    matches: { pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$', as: 'a language tag such as en or pt-BR' },
    example: 'en',
  },
})

export type Settings = ItemOf<typeof settings.fields>
export type SettingsChange = ChangeOf<typeof settings.fields>

export const defaultSettings: Settings = {
  time_zone: 'UTC',
  week_start: 'monday',
  date_format: 'YYYY-MM-DD',
  time_format: '24h',
  language: 'en',
}

const { names } = settings
const read = quick(
  'duly_settings',
  `select ${settings.columns('settings')}, settings.revision from duly.settings where settings.user_id = $1`,
)
const store = statement(
  'duly_settings_store',
  `insert into duly.settings (user_id, ${names.join(', ')}, revision)
  values ($1, ${names.map((_, n) => `$${n + 2}`).join(', ')}, $${names.length + 2}::bigint)
  on conflict (user_id) do update set ${names.map(name => `${name} = excluded.${name}`).join(', ')}, revision = excluded.revision`,
)

interface StoredSettings {
  readonly settings: Settings
  /** Of the change that set them; 0 for the defaults. */
  readonly revision: number
}

export async function settingsOf(db: Session, owner: string): Promise<StoredSettings> {
  let found: StoredSettings = { settings: defaultSettings, revision: 0 }
  await db.read(read, [owner], row => {
    found = { settings: settings.read(row), revision: row.integer(names.length) }
  })
  return found
}

/** Changes the settings. @returns them as they are afterwards */
export async function changeSettings(change: Change, values: SettingsChange): Promise<Settings> {
  const { db, owner, revision, actor } = change
  const before = await settingsOf(db, owner.id)
  const after: Settings = { ...before.settings, ...values }
  const differing = names.filter(name => !isSame(before.settings[name], after[name]))
  if (differing.length === 0) return after
  await db.query(store, [owner.id, ...names.map(name => after[name]), revision])
  const entry: Entry = {
    type: itemTypes.settings,
    id: 0,
    action: actions.updated,
    fields: Object.fromEntries(differing.map(name => [name, [before.settings[name], after[name]]])),
    before: before.revision === 0 ? null : before.revision,
  }
  const log = await saveLog(db, owner, [entry], { revision, actor })
  change.direct = { tasks: 0, live: 0, trash: 0, keys: 0, log }
  return after
}
