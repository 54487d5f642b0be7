import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { findProgram } from './debian-program.ts'
import { freePort } from './postgres-server.ts'

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** The process of the server, for tests that stop or kill it. */
  readonly pid: number
  stop(): Promise<void>
}

/**
 * A real Redis or Valkey on the loopback interface, without persistence.
 * @param port a free one by default
 */
export async function startRedis(settings: readonly string[] = [], port?: number): Promise<RedisServer> {
  const { path, env } = findProgram('redis')
  const chosen = port ?? (await freePort())
  const keepsNothing = ['--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  const args = ['--port', String(chosen), '--bind', '127.0.0.1', ...keepsNothing, ...settings]
  const server = spawn(path, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = new Promise(resolve => server.once('exit', resolve))
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    void exited.then(() => reject(new Error(`Redis ended instead of listening: ${printed}`)))
    server.stdout.on('data', chunk => {
      printed += chunk
      if (/ready to accept connections/i.test(printed)) resolve()
    })
  })
  const killed = () => server.kill('SIGKILL')
  process.once('exit', killed)
  return {
    port: chosen,
    url: `redis://127.0.0.1:${chosen}`,
    pid: server.pid ?? 0,
    async stop() {
      process.removeListener('exit', killed)
      server.kill('SIGKILL')
      await exited
    },
  }
}
