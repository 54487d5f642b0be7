import type { Session } from '../../db/database.ts'
import { changePayload, enqueue, payloadOf, removeJob } from '../../jobs/jobs.ts'
import { Change, type OwnerRow, type SteppedSweep } from './change.ts'
import { sweepNext } from './list-sweeps.ts'
import { purgeNext } from './purge.ts'

// A list with many tasks is deleted, restored or purged in steps, because the embedded database
// serves nobody else during a transaction. The transaction of the request changes the list and adds
// a job that says what is left. The steps follow, each with a revision of its own. They are done by
// the request, by the next change of the owner, or by the job if the process has ended.

/**
 * Kind and id of the job. An owner has one at most: each change first does the steps that are left.
 */
export const stepsJob = 'finish-change'

/** What is left of a change. */
interface Left {
  readonly actor: string
  readonly sweeps: readonly SteppedSweep[]
  /** The last task of the first list that a step has reached. */
  readonly after: number
}

/** Stores what a change leaves for later. @returns whether there is anything */
export async function leaveSteps({ db, owner, actor, sweeps }: Change): Promise<boolean> {
  const payload: Left = { actor, sweeps: sweeps.filter(sweep => sweep.kind !== 'move'), after: 0 }
  if (payload.sweeps.length === 0) return false
  await enqueue(db, { owner: owner.id, id: stepsJob, kind: stepsJob, payload })
  return true
}

/** Whether steps of an earlier change are left. */
export const hasSteps = async (db: Session, owner: string): Promise<boolean> =>
  (await payloadOf(db, owner, stepsJob)) !== undefined

/**
 * Does the next step in a transaction that has locked the owner.
 * @param save stores the change
 * @returns whether more steps follow
 */
export async function takeStep(
  db: Session,
  owner: OwnerRow,
  save: (change: Change) => Promise<unknown>,
): Promise<boolean> {
  // Stored by `leaveSteps`.
  const left = (await payloadOf(db, owner.id, stepsJob)) as Left | undefined
  const [sweep, ...others] = left?.sweeps ?? []
  if (!left || !sweep) return false
  const change = new Change(db, owner, left.actor)
  change.isStep = true
  const isPurge = sweep.kind === 'purge' || sweep.kind === 'empty'
  const after = await (isPurge ? purgeNext : sweepNext)(change, sweep, left.after)
  await save(change)
  const sweeps = after === undefined ? others : left.sweeps
  if (sweeps.length === 0) {
    await removeJob(db, owner.id, stepsJob)
    return false
  }
  await changePayload(db, owner.id, stepsJob, { ...left, sweeps, after: after ?? 0 })
  return true
}
