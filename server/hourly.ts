import type { Log } from './log.ts'

const everyMs = 60 * 60 * 1000

/** Does `work` once an hour, at a moment of the hour that differs between replicas. `stop` waits for work under way. */
export function hourly(work: () => Promise<void>, log: Log): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  const round = () => {
    running = work().catch(error =>
      log.warn({ err: error }, 'the hourly sweep failed and will be tried again in an hour'),
    )
  }
  let timer = setTimeout(() => {
    round()
    timer = setInterval(round, everyMs).unref()
  }, Math.random() * everyMs).unref()
  return {
    stop: async () => {
      clearTimeout(timer)
      await running
    },
  }
}
