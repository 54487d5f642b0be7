import { type Migration, migrations } from '../../server/db/migrations.ts'

// The program as its next version may be: with a migration more, that adds a column and an index to the table everyone writes to.

const next: Migration = {
  name: 'tasks have a priority',
  up: [
    'alter table duly.tasks add column priority integer not null default 0',
    'alter table duly.owners add column note text',
    'create index tasks_priority on duly.tasks (user_id, priority, id) where deleted_at is null',
  ],
  down: [
    'drop index duly.tasks_priority',
    'alter table duly.owners drop column note',
    'alter table duly.tasks drop column priority',
  ],
}

// The list is read-only to the program, and an ordinary array to this file.
;(migrations as Migration[]).push(next)
await import('../../server/cli.ts')
