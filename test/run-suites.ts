import asyncHooks from 'node:async_hooks'
import { inspect } from 'node:util'

// Node 20 follows every promise and every socket of a test process, to know in which suite a test
// is declared, and to which test an error outside of its promise belongs. That takes a tenth of the
// CPU time, and no option disables it. Only the first is needed, and only while files load.

const { createHook } = asyncHooks
let following: asyncHooks.AsyncHook | undefined
asyncHooks.createHook = callbacks => {
  following = createHook(callbacks)
  return following
}
const { describe } = await import('node:test')
asyncHooks.createHook = createHook

/** Declares each file as a suite, so its hooks run before and after its own tests only. */
export function runSuites(files: readonly { name: string; address: string }[]): void {
  let loading = files.length
  for (const { name, address } of files) {
    describe(name, async () => {
      await import(address)
      loading -= 1
      if (loading > 0) return
      following?.disable()
      process.prependListener('uncaughtException', end)
      process.prependListener('unhandledRejection', end)
    })
  }
}

/** node:test would wait for the test to end, which the error may have prevented. */
function end(error: unknown): void {
  process.stderr.write(`${inspect(error)}\n`)
  process.exit(1)
}
