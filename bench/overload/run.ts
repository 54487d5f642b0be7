import { fork } from 'node:child_process'
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Contestant, stage } from '../http/contestants.ts'
import { rss } from '../http/process-cost.ts'
import { type Crowd, crowd, guests } from './crowd.ts'
import type { LoadPlan, LoadResult } from './load.ts'

const help = `Usage: npm run bench overload -- [--seconds N] [--idle N] [--only NAME]

Finds the rate that saturates the server, then offers four times as much, beside idle connections, slow readers and slow
writers. Reports accepted requests and their latency, the latency of rejections, the availability of /livez, memory, and
the time until the server has recovered.

  --seconds N   of overload (default 60)
  --idle N      idle connections (default 5000); a tenth as many each send headers slowly, bodies slowly, and read nothing
  --only NAME   of the loads: one task, page of 50, create`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    idle: { type: 'string', default: '5000' },
    only: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(`${help}\n`)
  process.exit(0)
}
const seconds = Number(values.seconds)
const idle = Number(values.idle)
const fresh = new Agent({ keepAlive: false })

const { open, close } = stage(['duly', 'duly embedded'])
try {
  const {
    contestants,
    people: [{ token }],
  } = await open()
  for (const contestant of contestants) await overload(contestant, token)
} finally {
  await close()
}

async function overload(contestant: Contestant, token: string): Promise<void> {
  const { name, url, pid } = contestant
  const ids: number[] = []
  for (let n = 0; n < 200; n += 1) {
    const body = JSON.stringify({ title: `Water the plants, round ${n}`, description: 'x'.repeat(2000) })
    ids.push(JSON.parse((await call(url, 'POST', '/api/tasks', token, body)).text).id)
  }
  const loads: Readonly<Record<string, LoadPlan['requests']>> = {
    'one task': ids.map(id => ({ method: 'GET', path: `/api/tasks/${id}` })),
    'page of 50': [{ method: 'GET', path: '/api/tasks?limit=50' }],
    create: [{ method: 'POST', path: '/api/tasks', body: '{"title":"One more"}' }],
  }
  for (const [what, requests] of Object.entries(loads)) {
    if (values.only !== undefined && values.only !== what) continue
    const probe = { method: 'GET', path: `/api/tasks/${ids[0]}` }
    const before = await timesOf(url, probe.path, token, 100)
    const calm = await load({ url, token, connections: 64, seconds: 5, requests })
    const saturating = Math.round(calm.accepted.length / 5)
    print(`\n${name}, ${what}: ${saturating}/s saturate it; ${memory(pid)}`)

    const crowds: [string, Crowd][] = []
    for (const [kind, guest] of Object.entries(guests(token, '/api/tasks?limit=1000'))) {
      crowds.push([kind, await crowd(url, kind === 'idle' ? idle : Math.round(idle / 10), guest)])
    }
    const letIn = await untilLetIn(url)
    const watch = watchAlive(url, pid)
    const rate = saturating * 4
    const storm = await load({ url, token, connections: 1000, seconds, rate, requests })
    const watched = await watch.stop()
    const ended = performance.now()
    const limit = Math.max(2 * (before.at(-1) ?? 0), 20)
    let asBefore = 0
    // Ten consecutive responses that are as fast as before.
    while (asBefore < 10 && performance.now() - ended < 30_000) {
      const { status, ms } = await call(url, 'GET', probe.path, token)
      asBefore = status === 200 && ms <= limit ? asBefore + 1 : 0
    }
    const recovered = performance.now() - ended
    print(`  crowd     admitted after ${(letIn / 1000).toFixed(1)} s`)
    // Autocannon counts the sent requests of one second twice if a rate is set.
    const answered = storm.accepted.length + storm.shed.length + storm.failed
    print(`  offered   ${perSecond(answered)}/s of ${rate}/s on 1000 connections`)
    print(`  accepted  ${perSecond(storm.accepted.length)}/s  ${spread(storm.accepted)}`)
    print(`  shed      ${perSecond(storm.shed.length)}/s  ${spread(storm.shed)}`)
    print(`  failed    ${storm.failed}`)
    print(`  /livez    ${watched.alive.length} asked on new connections, ${spread(watched.alive)}`)
    print(`  memory    ${watched.memory.map(value => value.toFixed(0)).join(' ')} MB`)
    print(`  crowd     ${crowds.map(([kind, { closed }]) => `${kind} ${closed()} closed`).join(', ')}`)
    for (const [, { leave }] of crowds) leave()
    await pause(5000)
    print(`  after     as before within ${recovered.toFixed(0)} ms; 5 s later ${memory(pid)}`)
  }
}

function load(plan: LoadPlan): Promise<LoadResult> {
  const child = fork(fileURLToPath(new URL('./load.js', import.meta.url)))
  return new Promise((resolve, reject) => {
    child.once('message', message => resolve(message as LoadResult))
    // Not at its exit: its last message may still be in transit then.
    child.once('disconnect', () => reject(new Error('the load ended without a result')))
    child.send(plan)
  })
}

/** @returns milliseconds until the server responds soon on a new connection, at most a minute */
async function untilLetIn(url: string): Promise<number> {
  const startedAt = performance.now()
  const waited = () => performance.now() - startedAt
  while ((await call(url, 'GET', '/livez')).ms > 100 && waited() < 60_000) await pause(100)
  return waited()
}

/** Requests /livez ten times a second and records the memory twelve times. */
function watchAlive(url: string, pid: number) {
  const asked: Promise<number>[] = []
  const sizes: number[] = []
  const asking = setInterval(() => {
    const answer = call(url, 'GET', '/livez').then(
      ({ status, ms }) => (status === 200 ? ms : Number.POSITIVE_INFINITY),
      () => Number.POSITIVE_INFINITY,
    )
    asked.push(answer)
  }, 100)
  const weighing = setInterval(() => sizes.push(rss(pid) ?? Number.NaN), (seconds * 1000) / 12)
  return {
    async stop() {
      clearInterval(asking)
      clearInterval(weighing)
      return { alive: (await Promise.all(asked)).sort((a, b) => a - b), memory: sizes }
    },
  }
}

async function timesOf(url: string, path: string, token: string, count: number): Promise<number[]> {
  const times: number[] = []
  while (times.length < count) times.push((await call(url, 'GET', path, token)).ms)
  return times.sort((a, b) => a - b)
}

function call(
  url: string,
  method: string,
  path: string,
  token?: string,
  body?: string,
): Promise<{ status: number; text: string; ms: number }> {
  const startedAt = performance.now()
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method, headers, agent: fresh }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, ms: performance.now() - startedAt }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function perSecond(count: number): string {
  return (count / seconds).toFixed(0)
}

function spread(sorted: readonly number[]): string {
  const at = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN).toFixed(0)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, at most ${at(1)} ms`
}

function memory(pid: number): string {
  return `${(rss(pid) ?? Number.NaN).toFixed(0)} MB`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
