class Interrupted extends Error {}

export interface Bench {
  work(): Promise<void>
  /** Ends everything that was started. */
  close(): Promise<void>
}

/**
 * Runs a benchmark and ends the process: with 0, with 1 and a message on failure, or with 130 on a
 * signal. It is always closed.
 * @param plan returns the benchmark, or runs and returns undefined
 */
export async function untilDone(plan: () => Promise<Bench | undefined>): Promise<void> {
  // First, since a signal during synchronous work such as initdb would leave its process behind.
  const interrupted = interruption()
  try {
    const bench = await plan()
    if (!bench) return
    try {
      await Promise.race([bench.work(), interrupted])
    } finally {
      await bench.close()
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    // Immediately, since an interrupted load would continue.
    process.exit(error instanceof Interrupted ? 130 : 1)
  }
  process.exit(0)
}

// The listeners stay: npm forwards the Ctrl-C that the terminal has already delivered, and the
// second one would end the process during its cleanup.
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => reject(new Interrupted(`The benchmark was stopped by ${signal}.`)))
    }
  })
}
