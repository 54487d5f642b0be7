import type { Legacy } from './declaration.ts'

export const stage2: Legacy = {
  name: 'stage-2',
  about: 'Whole lists with a count; the flag is `complete`; `PUT` replaces, `PATCH` changes what is sent.',
  prefix: 'Stage2',
  shows: ['id', 'user_id', 'title', 'description', 'complete', 'created_at', 'updated_at'],
  completed: 'complete',
  absent: null,
  limits: { title: 200, description: 1000 },
  list: 'count',
  replaces: true,
  statuses: { database_away: 500, database_full: 500, outcome_unknown: 500 },
  errors: {
    codes: {
      token_missing: 'AUTH_MISSING',
      token_invalid: 'AUTH_INVALID',
      sign_in_failed: 'AUTH_INVALID',
      code_required: 'AUTH_INVALID',
      not_your_path: 'AUTH_FORBIDDEN',
      sign_in_forbidden: 'AUTH_FORBIDDEN',
      no_session: 'AUTH_FORBIDDEN',
      origin_not_trusted: 'AUTH_FORBIDDEN',
      insufficient_scope: 'AUTH_FORBIDDEN',
      task_not_found: 'NOT_FOUND',
      route_not_found: 'NOT_FOUND',
      database_away: 'DATABASE_ERROR',
      database_full: 'DATABASE_ERROR',
      outcome_unknown: 'DATABASE_ERROR',
      keys_away: 'INTERNAL_ERROR',
      // The contract has no code of its own for it. Clients retry after this one.
      too_many_requests: 'INTERNAL_ERROR',
      busy: 'INTERNAL_ERROR',
      internal: 'INTERNAL_ERROR',
    },
    otherwise: 'VALIDATION_ERROR',
  },
}
