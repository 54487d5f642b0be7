import { type Migration, migrations } from '../../server/db/migrations.ts'

// The program as its next version may be: one more migration, of a table that every write changes.

const next: Migration = {
  name: 'tasks have a colour',
  up: [
    'alter table duly.tasks add column colour integer not null default 0',
    'alter table duly.owners add column note text',
    'create index tasks_colour on duly.tasks (user_id, colour, id) where deleted_at is null',
  ],
  down: [
    'drop index duly.tasks_colour',
    'alter table duly.owners drop column note',
    'alter table duly.tasks drop column colour',
  ],
}

// The list is read-only to the program, and an ordinary array here.
;(migrations as Migration[]).push(next)
await import('../../server/cli.ts')
