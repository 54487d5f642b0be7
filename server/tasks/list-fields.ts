import { type ChangeOf, fieldTable, type ItemOf, type NewOf } from '../fields/field.ts'

/** The fields of a list of tasks. See `tasks` in fields.ts. */
export const lists = fieldTable({
  id: { kind: 'integer', minimum: 1, example: 3 },
  name: {
    kind: 'text',
    writable: true,
    required: true,
    maxLength: 200,
    trimmed: true,
    visible: true,
    description: 'White space around it is removed. It must contain a visible character.',
    example: 'Garden',
  },
  color: {
    kind: 'text',
    nullable: true,
    writable: true,
    maxLength: 7,
    matches: { pattern: '^#[0-9a-f]{6}$', as: 'a color such as #3b82f6, in lower case' },
    example: '#3b82f6',
  },
  position: {
    kind: 'text',
    description: 'The order of the lists: compare as ASCII, then by id.',
    example: 'a3',
  },
  is_archived: {
    kind: 'boolean',
    writable: true,
    initial: false,
    description: 'Tasks of an archived list are listed only with its `list_id`.',
    example: false,
  },
  created_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  updated_at: { kind: 'time', example: '2026-01-31T09:30:00.000000Z' },
  revision: { kind: 'integer', minimum: 1, example: 3 },
})

type ListFields = typeof lists.fields
export type List = ItemOf<ListFields>
export type NewList = NewOf<ListFields>
export type ListChange = ChangeOf<ListFields>
/** Lists of one owner. */
export const maxLists = 500
