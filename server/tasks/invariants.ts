import { type Statement, unprepared } from '../db/database.ts'
import { keyBytesIn, taskBytesIn } from './bytes.ts'
import { stepsJob } from './change/steps.ts'

/**
 * What is always true of the tasks of all owners. Each statement returns some owners or tasks of
 * which it is not.
 */
export const invariants: readonly { readonly holds: string; readonly broken: Statement }[] = [
  {
    holds: 'the task count and the revision of every owner are correct',
    broken: unprepared(
      `select owners.id from duly.owners left join (
        select user_id, count(*) filter (where deleted_at is null) as live, max(revision) as newest
        from duly.tasks group by user_id
      ) as found on found.user_id = owners.id
      where owners.task_count <> coalesce(live, 0) or owners.revision < coalesce(newest, 0) limit 5`,
    ),
  },
  {
    // Only owners whose counters are valid (see `Storage`). Counters that are too high are allowed:
    // an older version may have removed rows during an upgrade. A write at the limit counts again.
    holds: 'the byte counts of every owner are correct',
    broken: unprepared(
      `select owners.id from duly.owners left join (
        select user_id, sum(${taskBytesIn('tasks')}) filter (where deleted_at is null) as live,
          sum(${taskBytesIn('tasks')}) filter (where deleted_at is not null) as trash
        from duly.tasks group by user_id
      ) as found on found.user_id = owners.id left join (
        select user_id, sum(${keyBytesIn('keys')}) as bytes from duly.keys group by user_id
      ) as known on known.user_id = owners.id left join (
        select user_id, sum(bytes) as bytes from duly.changes group by user_id
      ) as log on log.user_id = owners.id
      where owners.counted_revision = owners.revision
        and (owners.live_bytes <> coalesce(live, 0) or owners.trash_bytes < coalesce(trash, 0)
          or owners.log_bytes < coalesce(log.bytes, 0) or owners.key_bytes < coalesce(known.bytes, 0)) limit 5`,
    ),
  },
  {
    // Older entries may have been removed, so the oldest one may name a missing one.
    holds: 'the change log of every owner has no gap',
    broken: unprepared(
      `select owners.id from duly.owners join (
        select user_id, max(revision) as newest, max(revision) - min(revision) + 1 - count(distinct revision) as missing
        from duly.changes group by user_id
      ) as log on log.user_id = owners.id where missing <> 0 or newest <> owners.revision limit 5`,
    ),
  },
  {
    // Times of an owner never decrease: after one write with a clock that is ahead, later writes
    // have its time.
    holds: 'the last write of every owner is in the past',
    broken: unprepared(
      `select owners.id from duly.owners where owners.written_at > now() + interval '1 minute' limit 5`,
    ),
  },
  {
    // A list that is being deleted or restored in steps has a job: see change/steps.ts.
    holds: 'no task is in a deleted list, below a deleted task, or in another list than its parent',
    broken: unprepared(
      `select distinct tasks.user_id from duly.tasks
      left join duly.lists on lists.user_id = tasks.user_id and lists.id = tasks.list_id
      left join duly.tasks as parent on parent.user_id = tasks.user_id and parent.id = tasks.parent_id
      where tasks.deleted_at is null and (
        (tasks.list_id is not null and (lists.id is null or lists.deleted_at is not null))
        or (tasks.parent_id is not null and (parent.id is null or parent.deleted_at is not null
          or parent.list_id is distinct from tasks.list_id))
      ) and not exists (select from duly.jobs where jobs.user_id = tasks.user_id and jobs.id = '${stepsJob}') limit 5`,
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
