import { type Statement, unprepared } from '../db/database.ts'

/** What is true of the tasks of all owners at any moment. Each statement gives the names of some that break it. */
export const invariants: readonly { readonly holds: string; readonly broken: Statement }[] = [
  {
    holds: 'every owner counts as many tasks and revisions as there are',
    broken: unprepared(
      `select owners.id from duly.owners left join (
        select user_id, count(*) filter (where deleted_at is null) as live, max(revision) as newest
        from duly.tasks group by user_id
      ) as found on found.user_id = owners.id
      where owners.task_count <> coalesce(live, 0) or owners.revision < coalesce(newest, 0) limit 5`,
    ),
  },
  {
    // A time is never before that of the owner's last write: one write with a clock that is ahead, and all that follow are as well.
    holds: 'no owner has written later than now',
    broken: unprepared(
      `select owners.id from duly.owners where owners.written_at > now() + interval '1 minute' limit 5`,
    ),
  },
  {
    holds: 'every task has an owner',
    broken: unprepared(
      `select distinct tasks.user_id from duly.tasks left join duly.owners on owners.id = tasks.user_id
      where owners.id is null limit 5`,
    ),
  },
]
