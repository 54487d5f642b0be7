import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it, mock } from 'node:test'
import { promisify } from 'node:util'
import { timeInLine } from './log.ts'

describe('a line of the log', () => {
  it('says its time as ISO 8601 does, to the millisecond', () => {
    mock.timers.enable({ apis: ['Date'] })
    const time = timeInLine()
    const moments = [1, 999, 1000, 1009, 1e12, 1e12 + 10, 1_795_000_000_999, 1_795_000_001_000, 999]
    for (const now of moments) {
      mock.timers.setTime(now)
      assert.equal(time(), `,"time":"${new Date(now).toISOString()}"`)
    }
    mock.timers.reset()
  })

  const endings = { 'is told to end': 'process.exit(0)', 'has nothing left to do': '', fails: 'throw 1' }
  for (const [ending, last] of Object.entries(endings)) {
    it(`is written when the process ${ending}, however much there is`, async () => {
      const module = new URL('./log.js', import.meta.url).href
      const program = `
        const { createLog } = await import(${JSON.stringify(module)})
        const log = createLog('info', false)
        for (let n = 0; n < 1000; n += 1) log.info({ n }, 'one of many')
        ${last}`
      const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
      const { stdout } = await run.catch((error: { stdout: string }) => error)
      const numbers = stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).n)
      assert.deepEqual(
        numbers,
        Array.from({ length: 1000 }, (_, n) => n),
      )
    })
  }
})
