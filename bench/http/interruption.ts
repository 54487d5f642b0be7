class Interrupted extends Error {}

export interface Bench {
  work(): Promise<void>
  /** Ends all that was started, in whatever state it is. */
  close(): Promise<void>
}

/**
 * Runs a bench and ends the process: with 0, with 1 and a sentence on failure, with 130 on a signal. Whatever happens,
 * it is closed. @param plan says what to do, or does it by itself and says nothing
 */
export async function untilDone(plan: () => Promise<Bench | undefined>): Promise<void> {
  // Before anything is started: what runs synchronously, as initdb does, would be left behind by a signal's default.
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
    // At once: a load that was broken off would go on.
    process.exit(error instanceof Interrupted ? 130 : 1)
  }
  process.exit(0)
}

// The listeners stay: npm hands on the Ctrl-C that the terminal has delivered already, and the second would end the
// process amid its cleaning up.
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => reject(new Interrupted(`The bench was stopped by ${signal}.`)))
    }
  })
}
