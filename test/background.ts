import type { Session } from '../server/db/database.ts'
import type { InParts } from '../server/tasks/in-background.ts'
import { makingGrams } from '../server/tasks/make-grams.ts'
import { sortingIn } from '../server/tasks/sort-in.ts'

// What the program does in the background, done when it returns.

export const sortIn = atOnce(sortingIn)

export function makeGrams(db: Session, owner: string, rest?: number): Promise<void> {
  return atOnce((...of) => makingGrams(...of, rest))(db, owner)
}

function atOnce(work: InParts): (db: Session, owner: string) => Promise<void> {
  return async (db, owner) => {
    const parts = work(db, owner)
    while (!(await parts.next()).done);
  }
}
