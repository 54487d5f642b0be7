import { checkDatabase } from '../doctor/database.ts'
import type { OperatorCommand } from './command.ts'

/** What `duly doctor` asks of the database, a JSON object in each line. */
export const checkOrder: OperatorCommand = {
  check() {},
  async *run({ db, secrets }) {
    for (const finding of await checkDatabase(db, secrets)) yield JSON.stringify(finding)
  },
}
