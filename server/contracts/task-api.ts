import type { Legacy } from './declaration.ts'

export const taskApi: Legacy = {
  name: 'task-api',
  about: 'Tasks in pages with a total; `PUT` changes the sent fields, `PATCH …/complete` inverts the flag.',
  prefix: 'TaskApi',
  shows: ['id', 'title', 'description', 'is_completed', 'completed', 'created_at', 'updated_at', 'user_id'],
  completed: 'is_completed',
  absent: '',
  limits: { title: 500, description: 5000 },
  list: 'page',
  toggles: true,
  errors: 'plain',
}
