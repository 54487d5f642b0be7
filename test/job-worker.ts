import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { JobRunner } from '../server/jobs/runner.ts'
import { createLog } from '../server/log.ts'
import { openDatabase } from './served.ts'

// A replica that runs jobs, as a separate process, so that a test can kill it. Each job records
// when it began and ended and its first lease, and waits in between until the test opens the gate.

const { db } = await openDatabase({ DATABASE_URL: String(process.env.DATABASE_URL) })
const began = unprepared(
  `insert into public.runs (job, process, began, leased_until) select id, $3, clock_timestamp(), leased_until
  from duly.jobs where user_id = $1 and id = $2`,
)
const ended = unprepared('update public.runs set ended = clock_timestamp() where job = $1 and process = $2')
const gate = unprepared('select is_open from public.gate')

const runner = new JobRunner({
  db,
  log: createLog('silent'),
  lease: 2,
  kinds: {
    work: {
      async run({ owner, id }, signal) {
        await db.query(began, [owner, id, process.pid])
        while ((await db.query(gate))[0]?.[0] !== 't') await pause(20, undefined, { signal })
        await db.query(ended, [id, process.pid])
      },
    },
  },
})
await runner.start()
