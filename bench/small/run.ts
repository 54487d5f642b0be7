import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort, startPostgres } from '../../test/postgres-server.ts'
import { untilDone } from '../http/interruption.ts'
import { cpuMicroseconds, rss } from '../http/process-cost.ts'
import { circumstances, writeDated } from '../http/result.ts'

const help = `Usage: npm run bench small -- [--starts N]

Time of a start, from the process to the first response of /readyz, with an existing database; its CPU time; the time of
\`node -e 0\` on the same machine; the memory of an idle server; and the installed size of the packages.

  --starts N    of each (default 9)

Writes bench/results/small-DATE.json.`

const root = new URL('../../../', import.meta.url)
const cli = fileURLToPath(new URL('../../server/cli.js', import.meta.url))

interface Start {
  /** Milliseconds. */
  readonly ready: number
  readonly cpu: number
  /** Mebibytes, five seconds later. */
  readonly idle: number
}

await untilDone(async () => {
  const { values } = parseArgs({
    options: { starts: { type: 'string', default: '9' }, help: { type: 'boolean' } },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const postgres = await startPostgres()
  const dataDir = mkdtempSync(join(tmpdir(), 'duly-small-'))
  const close = async () => {
    await postgres.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  const work = async () => {
    const secret = { BETTER_AUTH_SECRET: 'for a measurement and nothing else' }
    const kinds: Record<string, Record<string, string>> = {
      PostgreSQL: { ...secret, DATABASE_URL: postgres.url },
      embedded: { ...secret },
    }
    const found: Record<string, object> = {}
    for (const [kind, env] of Object.entries(kinds)) {
      // The first start creates the tables, and the embedded database.
      await start(dataDir, env)
      const starts: Start[] = []
      const nothing: number[] = []
      for (let n = 0; n < Number(values.starts); n += 1) {
        starts.push(await start(dataDir, env))
        nothing.push(await startOfNothing())
      }
      const of = (name: keyof Start) => Math.round(median(starts.map(each => each[name])))
      const node = Math.round(median(nothing))
      found[kind] = { ready: of('ready'), cpu: of('cpu'), idle: of('idle'), node }
      process.stdout.write(
        `${kind}: ready after ${of('ready')} ms (${of('cpu')} ms of CPU), node -e 0 takes ${node} ms; ${of('idle')} MiB when idle (median of ${starts.length} starts)\n`,
      )
    }
    const packages = productionPackages()
    const total = packages.reduce((sum, { bytes }) => sum + bytes, 0)
    const largest = packages.slice(0, 12).map(({ name, bytes }) => `${name} ${mebibytes(bytes)}`)
    process.stdout.write(
      `${packages.length} packages, ${mebibytes(total)} MiB installed; the largest: ${largest.join(', ')}\n`,
    )
    const folder = new URL('bench/results/', root)
    const made = { ...circumstances('of the tests'), ...found, installed: { total, packages } }
    process.stderr.write(`written to bench/results: ${writeDated(folder, 'small', made)}\n`)
  }
  return { work, close }
})

async function start(dataDir: string, env: Record<string, string>): Promise<Start> {
  const port = await freePort()
  const startedAt = performance.now()
  const child = spawn(process.execPath, [cli, 'start', '--port', String(port), '--data-dir', dataDir], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const pid = child.pid ?? 0
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`The server ended with code ${child.exitCode}.`)
    await pause(2)
  }
  const ready = performance.now() - startedAt
  const cpu = cpuMicroseconds(pid) / 1000
  await pause(5000)
  const idle = rss(pid) ?? Number.NaN
  child.kill('SIGTERM')
  await once(child, 'exit')
  return { ready, cpu, idle }
}

async function startOfNothing(): Promise<number> {
  const startedAt = performance.now()
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
  return performance.now() - startedAt
}

// Without fetch, whose first call takes half a second.
function isReady(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('data', bytes => {
      resolve(bytes.toString().startsWith('HTTP/1.1 200'))
      socket.destroy()
    })
    socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  })
}

function productionPackages(): { name: string; bytes: number }[] {
  const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  const sizes = Object.entries(lock.packages).flatMap(([path, { dev = false }]) => {
    if (path === '' || dev) return []
    const bytes = sizeOf(fileURLToPath(new URL(path, root)))
    return bytes === 0 ? [] : [{ name: path.replace(/^node_modules\//, ''), bytes }]
  })
  return sizes.sort((a, b) => b.bytes - a.bytes)
}

// Without nested packages, which are in the list too. Disk blocks, as `du` counts.
function sizeOf(path: string, nested = false): number {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return 0
  const own = (stat.blocks ?? Math.ceil(stat.size / 512)) * 512
  if (!stat.isDirectory()) return own
  const entries = readdirSync(path).filter(name => nested || name !== 'node_modules')
  return entries.reduce((sum, name) => sum + sizeOf(join(path, name), true), own)
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
