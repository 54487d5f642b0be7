import { type ChangeOf, fieldTable, type ItemOf, type NewOf } from '../fields/field.ts'
import { fold } from './fold.ts'
import { type Metadata, readMetadata } from './metadata.ts'
import { restated, type Spellings } from './spellings.ts'
import { readTags, tagKey } from './tags.ts'
import { readWhen, sortKeyOf, type When } from './when.ts'

const whenSchema = {
  type: ['object', 'null'],
  required: ['date'],
  properties: {
    date: { type: 'string', format: 'date' },
    time: { type: 'string', description: '`HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm`.' },
    time_zone: { type: 'string', description: 'An IANA name. Needs a time.' },
    at: { type: 'string', format: 'date-time' },
  },
  additionalProperties: false,
}

const aboutWhen =
  'A date, a date with a local time, or both with a time zone; then `at` is the instant, which is ignored on input.'

const when = <const Name extends 'start' | 'due'>(name: Name) => ({
  kind: 'json' as const,
  writable: true as const,
  empty: null as When | null,
  read: readWhen as (value: unknown) => When | null,
  schema: whenSchema,
  derived: {
    [`${name}_key`]: { type: 'text', of: sortKeyOf },
    [`${name}_at`]: { type: 'timestamptz', of: ({ at }: When) => at ?? null },
  },
  example: null,
})

/**
 * The fields of a task. A new field needs a migration, an entry here and a test. Statements, JSON,
 * validation, filters, exports and the OpenAPI document are derived. Legacy contracts name the
 * fields that they show.
 */
export const tasks = fieldTable({
  id: { kind: 'integer', minimum: 1, example: 7 },
  title: {
    kind: 'text',
    writable: true,
    required: true,
    maxLength: 500,
    trimmed: true,
    visible: true,
    derived: { title_key: { type: 'text', of: fold } },
    description:
      'White space around it is removed. It must contain a visible character. The length counts Unicode code points.',
    example: 'Water the plants',
  },
  description: {
    kind: 'text',
    nullable: true,
    writable: true,
    maxLength: 20_000,
    derived: { description_key: { type: 'text', of: fold } },
    example: 'The fern twice',
  },
  is_completed: {
    kind: 'boolean',
    writable: true,
    initial: false,
    filter: true,
    follows: {
      completed_at: value => `case when ${value} then coalesce(old.completed_at, owner.at) end`,
      spellings: restated,
    },
    example: false,
  },
  completed_at: { kind: 'time', nullable: true, example: null },
  list_id: {
    kind: 'integer',
    nullable: true,
    writable: true,
    minimum: 1,
    description: 'The list of the task; null is the inbox.',
    example: null,
  },
  parent_id: {
    kind: 'integer',
    nullable: true,
    writable: true,
    minimum: 1,
    description: 'The parent task. It is in the same list.',
    example: null,
  },
  position: {
    kind: 'text',
    description:
      'The order among the children of one task, or the top level of one list: compare as ASCII, then by id.',
    example: 'b12',
  },
  priority: {
    kind: 'text',
    nullable: true,
    writable: true,
    values: ['low', 'medium', 'high'],
    filter: true,
    example: 'high',
  },
  tags: {
    kind: 'json',
    writable: true,
    empty: [],
    read: readTags,
    schema: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 50 },
      maxItems: 20,
    },
    derived: {
      tag_keys: {
        type: 'text[]',
        of: (tags: readonly string[]) => (tags.length > 0 ? tags.map(tagKey) : null),
      },
    },
    description: 'Without commas. Two tags are the same if they are equal after NFC and case folding.',
    example: [],
  },
  start: { ...when('start'), description: `When work can begin, not after \`due\`. ${aboutWhen}` },
  due: { ...when('due'), description: aboutWhen },
  deadline: {
    kind: 'text',
    nullable: true,
    writable: true,
    date: true,
    description: 'The last day on which the task can be done.',
    example: null,
  },
  estimate_minutes: {
    kind: 'integer',
    nullable: true,
    writable: true,
    minimum: 1,
    maximum: 525_600,
    example: null,
  },
  metadata: {
    kind: 'json',
    writable: true,
    empty: {} as Metadata,
    read: readMetadata,
    schema: { type: 'object', additionalProperties: true },
    description:
      'Belongs to the client: at most 4,096 bytes of JSON, with numbers up to 2^53-1. A change sets the members that it names; null removes one.',
    example: {},
  },
  created_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  updated_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  revision: {
    kind: 'integer',
    minimum: 1,
    description: 'The revision of the owner’s tasks at the last change of this task.',
    example: 12,
  },
  spellings: {
    kind: 'json',
    writable: true,
    hidden: true,
    merges: true,
    bytes: 300,
    empty: {} as Spellings,
    read: (): Spellings => ({}),
    schema: { type: 'object' },
    example: {},
  },
})

type TaskFields = typeof tasks.fields
export type TaskField = keyof TaskFields & string
export type Task = ItemOf<TaskFields>
export type NewTask = NewOf<TaskFields>
/** Absent fields do not change. */
export type TaskChange = ChangeOf<TaskFields>
