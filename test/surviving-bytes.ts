import type { HeapProfiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { tasksOf } from '../server/tasks/tasks.ts'
import { type Env, openDatabase } from './served.ts'

// Toggles tasks of twenty users, a hundred concurrently, in the database that the environment
// names, and prints how many bytes per toggle survived the next minor collection of V8. It is a
// separate program, since node:test keeps references to all promises.

const toggles = 20_000

setFlagsFromString('--expose-gc')
const collectYoung = () => runInNewContext('gc')({ type: 'minor' })

const { db } = await openDatabase(process.env as Env)
const own = await Promise.all(
  Array.from({ length: 100 }, async (_, n) => {
    const tasks = tasksOf(db, `person-${n % 20}`)
    const { task } = await tasks.create({ title: 'Water the plants' })
    return { tasks, id: task.id }
  }),
)
let left = toggles
const session = new Session()
session.connect()
await session.post('HeapProfiler.startSampling', {
  samplingInterval: 4096,
  includeObjectsCollectedByMinorGC: false,
  includeObjectsCollectedByMajorGC: true,
})
await Promise.all(
  own.map(async ({ tasks, id }) => {
    for (; left > 0; left -= 1) await tasks.toggle(id)
  }),
)
collectYoung()
const { profile } = await session.post('HeapProfiler.stopSampling')
await db.close()
process.stdout.write(String(Math.round(sizeOf(profile.head) / toggles)))

function sizeOf({ selfSize, children }: HeapProfiler.SamplingHeapProfileNode): number {
  return children.reduce((sum, child) => sum + sizeOf(child), selfSize)
}
