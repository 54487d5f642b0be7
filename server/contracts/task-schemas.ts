import type { PathParameter, Schema } from '../openapi/operation.ts'
import type { Task, TextLimits } from '../tasks/task.ts'

// What the contracts' documents have in common: the same fields, with limits and names of their own.

/** The task of every example, and its owner as JSON. */
export const exampleTask: Task = {
  id: 7,
  title: 'Water the plants',
  description: 'The fern twice',
  isCompleted: false,
  completedAt: null,
  createdAt: '2026-01-31T09:30:00.000000Z',
  updatedAt: '2026-01-31T09:30:00.000000Z',
  revision: 12,
}
export const exampleOwner = '"alice"'

export const taskIdSchema: Schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }
export const ownerSchema: Schema = {
  type: ['string', 'integer'],
  description: 'The owner, as the token names them; a number where that is a plain decimal number.',
}

/** The path parameters of every contract. */
export const taskPathParameters: Readonly<Record<string, PathParameter>> = {
  user_id: {
    description: 'The owner of the tasks. Must be the user of the token.',
    schema: { ...ownerSchema, type: 'string', minLength: 1 },
    example: 'alice',
  },
  id: { description: 'The id of the task.', schema: taskIdSchema, example: 7 },
}

export const revisionSchema: Schema = {
  type: 'integer',
  minimum: 1,
  description: 'Counts its owner’s writes; this is the one that last changed the task.',
}

export const titleSchema = ({ title }: TextLimits): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength: title,
  pattern: '\\S',
  description: 'Blanks around it are removed. The length counts Unicode code points.',
})

export const descriptionSchema = ({ description }: TextLimits, absent: string | null): Schema => ({
  type: absent === null ? ['string', 'null'] : 'string',
  maxLength: description,
})

export const completedSchema: Schema = { type: 'boolean' }
