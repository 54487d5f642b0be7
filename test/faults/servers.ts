import { fileURLToPath } from 'node:url'
import { dulyStart, type RunningServer } from '../program.ts'
import { type Env, unlimited } from '../served.ts'

/** The program as its next version may be. */
export const nextVersion = fileURLToPath(new URL('./next-version.js', import.meta.url))
/** For all servers: without the limits that would slow down a few clients. */
const settings: Env = unlimited

/** Servers on one database, started and killed by a test. */
export class Servers {
  readonly #env: Env
  #running: readonly RunningServer[] = []

  constructor(env: Env) {
    this.#env = env
  }

  get running(): readonly RunningServer[] {
    return this.#running
  }

  readonly urls = (): readonly string[] => this.#running.map(({ url }) => url)

  async start(): Promise<RunningServer> {
    const server = await dulyStart({ ...settings, ...this.#env })
    this.#running = [...this.#running, server]
    return server
  }

  /** Starts a server of the next version, which migrates the database. */
  async startNext(): Promise<void> {
    const server = await dulyStart({ ...settings, ...this.#env }, nextVersion)
    this.#running = [...this.#running, server]
  }

  async kill(server: RunningServer | undefined = this.#running[0]): Promise<void> {
    server?.child.kill('SIGKILL')
    await server?.ended
    this.#running = this.#running.filter(other => other !== server)
  }

  /** Sends SIGTERM; clients still use the server until it has ended. @returns its exit code */
  async stop(server: RunningServer): Promise<number | null> {
    server.child.kill('SIGTERM')
    const { code } = await server.ended
    this.#running = this.#running.filter(other => other !== server)
    return code
  }

  /** At the end of a test. Unexpected errors are in the log: a 500 response contains only an id. */
  readonly killAll = async (): Promise<void> => {
    for (const server of this.#running) {
      const unexpected = server
        .output()
        .split('\n')
        .filter(line => line.includes('"unexpected error"'))
      for (const line of unexpected.slice(0, 3)) process.stderr.write(`${line}\n`)
    }
    await Promise.all(this.#running.map(server => this.kill(server)))
  }

  readonly stopAll = async (): Promise<void> => {
    for (const server of this.#running) {
      const code = await this.stop(server)
      if (code !== 0) throw new Error(`a server ended with ${code}:\n${server.output().slice(-2000)}`)
    }
  }
}
