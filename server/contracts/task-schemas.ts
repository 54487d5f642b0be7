import { replayedHeader } from '../http/idempotent-write.ts'
import type { Answer, PathParameter, Schema } from '../openapi/operation.ts'
import { type Task, tasks } from '../tasks/fields.ts'

/** The task of every example, and its owner as JSON. */
export const exampleTask = Object.fromEntries(
  Object.entries(tasks.fields).map(([name, { example }]) => [name, example]),
) as unknown as Task
export const exampleOwner = '"alice"'

export const taskIdSchema: Schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }
export const ownerSchema: Schema = {
  type: ['string', 'integer'],
  description: 'The id of the owner in the token; a number where it is a plain decimal number.',
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

/**
 * The response to a write that changed nothing, for a token without `tasks:read`: it sees only
 * tasks that it has written.
 */
export const unseen: Answer = {
  description: 'Nothing changed, and the token lacks the scope `tasks:read`.',
}

/** The same for writes that can be repeated with their key. */
export const unseenWrite: Answer = { ...unseen, headers: replayedHeader }
