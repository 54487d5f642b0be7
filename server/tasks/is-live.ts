/**
 * Means `deleted_at is null`, in a form that does not match the partial indexes of live tasks.
 * Without statistics, as on the embedded database, the planner would read all tasks of the owner by
 * one of them instead of one task by its primary key.
 */
export const isLive = `coalesce(tasks.deleted_at, 'infinity') = 'infinity'`
