import type { Background } from './telemetry/background.ts'

const everyMs = 60 * 60 * 1000

export type Steps = Readonly<Record<string, () => Promise<unknown>>>

/**
 * Runs each step once an hour, one after another, at a moment of the hour that differs between replicas. A step that fails is
 * logged and counted, keeps none of the others from running, and runs again in an hour. `stop` waits for the one that runs.
 */
export function hourly(
  steps: Steps,
  background: Background,
): { run(): Promise<void>; stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  let stopped = false
  const all = async () => {
    for (const [name, step] of Object.entries(steps)) if (!stopped) await background.run(name, step)
  }
  const run = () => {
    running = running.then(all)
    return running
  }
  let timer = setTimeout(() => {
    void run()
    timer = setInterval(run, everyMs).unref()
  }, Math.random() * everyMs).unref()
  return {
    run,
    stop: async () => {
      clearTimeout(timer)
      stopped = true
      await running
    },
  }
}
