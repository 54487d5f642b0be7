import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { unprepared } from '../server/db/database.ts'
import { enqueue } from '../server/jobs/jobs.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const worker = fileURLToPath(new URL('job-worker.js', import.meta.url))
const jobs = 24

it('three replicas run each job at least once and never concurrently, even if one is killed', async t => {
  const { db, env, close } = await ownMigratedDatabase()
  t.after(close)
  const ask = async (text: string) => (await db.query(unprepared(text))).map(([value]) => value)
  await ask(
    'create table public.runs (job text, process integer, began timestamptz, ended timestamptz, leased_until timestamptz)',
  )
  await ask('create table public.gate (is_open boolean)')
  await ask('insert into public.gate values (false)')
  for (let n = 0; n < jobs; n += 1) await enqueue(db, { owner: newUser(), id: `job ${n}`, kind: 'work' })

  const { PATH = '' } = process.env
  const start = () =>
    spawn(process.execPath, [worker], { env: { PATH, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
  const replicas: ChildProcess[] = [start(), start(), start()]
  t.after(() => replicas.map(replica => replica.kill('SIGKILL')))
  const until = async (text: string) => {
    while ((await ask(text))[0] !== 't') await pause(50)
  }
  // Each replica holds as many jobs as it may.
  await until('select count(distinct process) = 3 and count(*) >= 12 from public.runs')
  const [killed] = replicas
  const exited = once(killed as ChildProcess, 'exit')
  killed?.kill('SIGKILL')
  await exited
  const [held] = await ask(
    `select count(*) from public.runs where process = ${killed?.pid} and ended is null`,
  )
  assert.ok(Number(held) > 0, 'the killed replica was running jobs')
  await ask('update public.gate set is_open = true')
  await until('select count(*) = 0 from duly.jobs')

  const done = await ask('select count(distinct job) from public.runs where ended is not null')
  assert.deepEqual(done, [String(jobs)])
  // The run on a killed replica has no end: the next one began after its lease had expired.
  const overlapping = await ask(
    `select a.job from public.runs a join public.runs b on a.job = b.job and a.process <> b.process
    where a.began <= b.began and b.began < a.ended`,
  )
  assert.deepEqual(overlapping, [])
  const early = await ask(
    `select a.job from public.runs a join public.runs b on a.job = b.job and a.process = ${killed?.pid}
      and b.process <> a.process and a.ended is null
    where b.began < a.leased_until`,
  )
  assert.deepEqual(early, [], 'the lease had not ended')
})
