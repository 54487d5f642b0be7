import { Agent, request } from 'node:http'
import { parseArgs } from 'node:util'
import { type Contestant, stage } from '../http/contestants.ts'

const help = `Usage: npm run bench sign-in -- [--rounds N]

1. The time of reading one task while 50 users sign in at once, compared with the time without sign-ins.
2. The time of rejecting a wrong password, for an email address with an account and for one without.

  --rounds N    of each (default 7)`

const atOnce = 50
const password = 'correct horse battery'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, help: { type: 'boolean' } },
})
if (values.help) {
  process.stdout.write(`${help}\n`)
  process.exit(0)
}
const rounds = Number(values.rounds)
const agent = new Agent({ keepAlive: true, maxSockets: 200 })
let addresses = 0

const { open, close } = stage(['duly', 'duly embedded'], { TRUST_PROXY: 'loopback' })
try {
  const {
    contestants,
    people: [{ token }],
  } = await open()
  for (const contestant of contestants) {
    await readWhileOthersSignIn(contestant, token)
    await refuseKnownAndUnknown(contestant)
  }
} finally {
  await close()
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly ms: number
}

function call(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  json?: object,
): Promise<Answer> {
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url + path,
      { method, agent, headers: { 'content-type': 'application/json', ...headers } },
      response => {
        let body = ''
        response.on('data', chunk => {
          body += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, ms: performance.now() - startedAt }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(json === undefined ? '' : JSON.stringify(json))
  })
}

/** From a new client address each time, since attempts are counted by address. */
function post(url: string, path: string, json: object): Promise<Answer> {
  addresses += 1
  const address = `10.0.${addresses >> 8}.${addresses & 255}`
  return call(url, 'POST', `/api/auth${path}`, { 'x-forwarded-for': address }, json)
}

async function readWhileOthersSignIn({ name, url }: Contestant, token: string): Promise<void> {
  const authorization = `Bearer ${token}`
  const created = await call(url, 'POST', '/api/v1/tasks', { authorization }, { title: 'Read me' })
  const path = `/api/v1/tasks/${JSON.parse(created.body).id}`
  const people = Array.from({ length: 10 }, (_, n) => `person-${n}@example.com`)
  for (const email of people) await post(url, '/sign-up/email', { name: email, email, password })

  const read = async (until: () => boolean): Promise<number[]> => {
    const times: number[] = []
    while (!until()) times.push((await call(url, 'GET', path, { authorization })).ms)
    return times
  }
  const forOneSecond = () => {
    const end = performance.now() + 1000
    return () => performance.now() > end
  }
  await read(forOneSecond())
  const ratios: number[] = []
  const quiet: number[] = []
  const stormy: number[] = []
  const statuses = new Map<number, number>()
  for (let round = 0; round < rounds; round += 1) {
    const before = await read(forOneSecond())
    let left = atOnce
    for (let n = 0; n < atOnce; n += 1) {
      void post(url, '/sign-in/email', { email: people[n % people.length], password }).then(({ status }) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        left -= 1
      })
    }
    const meanwhile = await read(() => left === 0)
    ratios.push(p95(meanwhile) / p95(before))
    quiet.push(p95(before))
    stormy.push(p95(meanwhile))
  }
  const told = [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')
  print(
    `${name}: p95 of reading one task, ${median(quiet).toFixed(2)} ms without sign-ins, ${median(stormy).toFixed(2)} ms while ${atOnce} do: ${median(ratios).toFixed(2)}× (median of ${rounds} rounds; sign-ins: ${told})`,
  )
}

async function refuseKnownAndUnknown({ name, url }: Contestant): Promise<void> {
  const known: number[] = []
  const unknown: number[] = []
  for (let n = 0; n < rounds * 20; n += 1) {
    const email = `person-${n % 10}@example.com`
    const wrong = { password: `wrong horse ${n}` }
    const ask = async (address: string, times: number[]) => {
      const { status, ms } = await post(url, '/sign-in/email', { email: address, ...wrong })
      if (status === 401) times.push(ms)
    }
    // Alternating, in both orders.
    if (n % 2 === 0) await ask(email, known)
    await ask(`nobody-${n}@example.com`, unknown)
    if (n % 2 === 1) await ask(email, known)
  }
  const spread = (times: number[]) =>
    `${median(times).toFixed(1)} ms (${quantile(times, 0.25).toFixed(1)} to ${quantile(times, 0.75).toFixed(1)})`
  const slower = known.filter((time, n) => time > (unknown[n] ?? 0)).length
  print(
    `${name}: a wrong password is rejected after ${spread(known)} with an account, ${spread(unknown)} without; the former was slower in ${slower} of ${Math.min(known.length, unknown.length)} pairs`,
  )
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function quantile(times: readonly number[], part: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(part * times.length)] ?? Number.NaN
}

function p95(times: readonly number[]): number {
  return quantile(times, 0.95)
}

function median(times: readonly number[]): number {
  return quantile(times, 0.5)
}
