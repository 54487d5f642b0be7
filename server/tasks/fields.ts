import { type ChangeOf, fieldTable, type ItemOf, type NewOf } from '../fields/field.ts'

/**
 * The fields of a task. A field takes a migration, an entry here and a test: statements, JSON,
 * validation, filters, exports and the OpenAPI document follow. Legacy contracts name the fields
 * that they show.
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
    folded: 'title_key',
    description:
      'White space around it is removed. It must contain a visible character. The length counts Unicode code points.',
    example: 'Water the plants',
  },
  description: {
    kind: 'text',
    nullable: true,
    writable: true,
    maxLength: 5000,
    folded: 'description_key',
    example: 'The fern twice',
  },
  is_completed: {
    kind: 'boolean',
    writable: true,
    initial: false,
    filter: true,
    follows: {
      completed_at: value => `case when ${value} then coalesce(old.completed_at, owner.at) end`,
    },
    example: false,
  },
  completed_at: { kind: 'time', nullable: true, example: null },
  created_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  updated_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  revision: {
    kind: 'integer',
    minimum: 1,
    description: 'The revision of the owner’s tasks at the last change of this task.',
    example: 12,
  },
})

export type TaskFields = typeof tasks.fields
export type TaskField = keyof TaskFields & string
export type Task = ItemOf<TaskFields>
export type NewTask = NewOf<TaskFields>
/** An absent field stays as it is. */
export type TaskChange = ChangeOf<TaskFields>
