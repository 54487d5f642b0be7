/** Runs code of the application. Its errors are reported as uncaught, and end nothing here. */
export function guarded<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
    return undefined
  }
}
