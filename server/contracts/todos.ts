import type { Legacy } from './declaration.ts'

/** Always on, at paths of its own. */
export const todos: Legacy = {
  name: 'todos',
  about: 'Todos of the user of the token: bare lists, `PUT` changes the sent fields.',
  prefix: 'Todos',
  collections: [{ path: '/api/v1/todos', noun: 'Todo' }],
  shows: ['id', 'title', 'description', 'is_completed', 'created_at', 'updated_at'],
  completed: 'is_completed',
  absent: null,
  limits: { title: 254, description: 999 },
  list: 'window',
  statuses: { broken_rule: 400, not_json: 400 },
  errors: {
    codes: {
      token_missing: 'UNAUTHORIZED',
      token_invalid: 'UNAUTHORIZED',
      task_not_found: 'TODO_NOT_FOUND',
      database_away: 'SERVICE_UNAVAILABLE',
      database_full: 'SERVICE_UNAVAILABLE',
      outcome_unknown: 'SERVICE_UNAVAILABLE',
      keys_away: 'SERVICE_UNAVAILABLE',
      // The contract has no code of its own for it. Clients retry after this one.
      too_many_requests: 'SERVICE_UNAVAILABLE',
      busy: 'SERVICE_UNAVAILABLE',
      internal: 'INTERNAL_ERROR',
    },
    otherwise: 'BAD_REQUEST',
  },
}
