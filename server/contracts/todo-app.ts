import type { Legacy } from './declaration.ts'

export const todoApp: Legacy = {
  name: 'todo-app',
  about:
    'Bare lists; the flag is `completed`; `PUT` changes the sent fields, `PATCH …/complete` inverts the flag.',
  prefix: 'TodoApp',
  shows: ['id', 'user_id', 'title', 'description', 'completed', 'created_at', 'updated_at'],
  completed: 'completed',
  absent: null,
  limits: { title: 255, description: 1000 },
  list: 'bare',
  toggles: true,
  confirmsDeletion: true,
  statuses: { broken_rule: 400, not_json: 400 },
  errors: 'plain',
}
