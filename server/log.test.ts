import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, it, mock } from 'node:test'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { infoLines, timeInLine } from './log.ts'

describe('a log line', () => {
  const module = new URL('./log.js', import.meta.url).href

  it('has its time in ISO 8601, with milliseconds', () => {
    mock.timers.enable({ apis: ['Date'] })
    const time = timeInLine()
    const moments = [1, 999, 1000, 1009, 1e12, 1e12 + 10, 1_795_000_000_999, 1_795_000_001_000, 999]
    for (const now of moments) {
      mock.timers.setTime(now)
      assert.equal(time(), `,"time":"${new Date(now).toISOString()}"`)
    }
    mock.timers.reset()
  })

  it("is the same as pino's when infoLines writes it", () => {
    const written: string[] = []
    const log = pino({ base: null, timestamp: () => ',"time":"now"' }, { write: line => written.push(line) })
    const write = infoLines(log, 'said "so"')
    const all = Array.from({ length: 0x300 }, (_, code) => String.fromCodePoint(code)).join('')
    for (const fields of [
      { n: 1.25 },
      { a: all, none: undefined, b: '\u2028 🐑' },
      { 'a "name"': '</script>' },
    ]) {
      log.info(fields, 'said "so"')
      write(fields)
      assert.equal(written.pop(), written.pop())
    }
    log.level = 'warn'
    write({ n: 1 })
    assert.deepEqual(written, [])
  })

  const endings = { 'calls process.exit': 'process.exit(0)', ends: '', fails: 'throw 1' }
  for (const [ending, last] of Object.entries(endings)) {
    it(`is written completely when the process ${ending}`, async () => {
      const program = `
        const { createLog } = await import(${JSON.stringify(module)})
        const log = createLog('info', false)
        for (let n = 0; n < 1000; n += 1) log.info({ n, text: '€'.repeat(n % 7 === 0 ? 40 * n : n) }, 'one of many')
        ${last}`
      const node = ['--input-type=module', '--eval', program]
      const run = promisify(execFile)(process.execPath, node, { maxBuffer: 64 * 1024 * 1024 })
      const { stdout } = await run.catch((error: { stdout: string }) => error)
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as { n: number; text: string })
      assert.deepEqual(
        lines.map(({ n, text }) => [n, text.length, text.replaceAll('€', '')]),
        Array.from({ length: 1000 }, (_, n) => [n, n % 7 === 0 ? 40 * n : n, '']),
      )
    })
  }

  it('is dropped when 16 MiB are waiting for the reader, and one line reports how many were dropped', async () => {
    const program = `
      const { createLog } = await import(${JSON.stringify(module)})
      const log = createLog('info', false)
      let n = 0
      for (let burst = 0; burst < 40; burst += 1) {
        for (let line = 0; line < 10_000; line += 1) log.info({ n: n++ }, 'x'.repeat(60))
        await new Promise(setImmediate)
      }
      gc()
      process.send(process.memoryUsage().arrayBuffers)
      const timer = setInterval(() => {
        log.info({ n: n++ }, 'later')
        if (n === 401_000) end()
      }, 10)
      process.once('message', end)
      function end() {
        clearInterval(timer)
        process.disconnect()
      }`
    const node = ['--expose-gc', '--input-type=module', '--eval', program]
    const child = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    assert.ok(child.stdout)
    const [held] = (await once(child, 'message')) as [number]
    let next = 0
    let gaps = 0
    for await (const text of createInterface({ input: child.stdout })) {
      const line = JSON.parse(text) as { n: number } | { lost: number }
      if ('n' in line) assert.equal(line.n, next++)
      else {
        next += line.lost
        if (gaps === 0) child.send('found')
        gaps += 1
      }
    }
    const all = 400_000
    assert.ok(next > all && gaps > 0, `${next} lines, ${gaps} gaps`)
    assert.ok(held < 32 * 1024 * 1024, `${held} bytes held`)
  })
})
