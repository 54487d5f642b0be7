import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, it } from 'node:test'
import { exit, StartError } from '../errors.ts'
import { keptSecret } from './secret.ts'

const folder = mkdtempSync(join(tmpdir(), 'duly-secret-'))
after(() => rmSync(folder, { recursive: true }))

let folders = 0
function newDataDir(): string {
  folders += 1
  return join(folder, `data ${folders}`)
}

function dataDirWith(secret: string): string {
  const dataDir = newDataDir()
  mkdirSync(dataDir)
  writeFileSync(join(dataDir, 'secret'), secret)
  return dataDir
}

describe('the stored secret', () => {
  it('is created once, with its directories, and stays the same', () => {
    const dataDir = join(newDataDir(), 'further', 'in')
    const secret = keptSecret(dataDir)
    assert.match(secret, /^[\w-]{43}$/)
    assert.equal(keptSecret(dataDir), secret)
    assert.equal(readFileSync(join(dataDir, 'secret'), 'utf8'), `${secret}\n`)
    assert.deepEqual(readdirSync(dataDir), ['secret'])
  })

  it('differs between directories', () => {
    assert.notEqual(keptSecret(newDataDir()), keptSecret(newDataDir()))
  })

  it('can be read by its owner only', { skip: process.platform === 'win32' && 'no modes there' }, () => {
    const before = process.umask(0)
    const dataDir = newDataDir()
    try {
      keptSecret(dataDir)
    } finally {
      process.umask(before)
    }
    assert.equal(statSync(join(dataDir, 'secret')).mode & 0o777, 0o600)
    assert.equal(statSync(dataDir).mode & 0o777, 0o700)
  })

  it('is the same for processes that create it at once', { timeout: 60_000 }, async () => {
    const [makers, rounds] = [4, 25]
    const dataDirs = Array.from({ length: rounds }, newDataDir)
    const meeting = newDataDir()
    mkdirSync(meeting)
    // In every round each process waits for all others in a loop that does not yield the CPU.
    const script = `
      import { readdirSync, writeFileSync } from 'node:fs'
      import { join } from 'node:path'
      const [, module, makers, meeting, ...dataDirs] = process.argv
      const { keptSecret } = await import(module)
      for (const [round, dataDir] of dataDirs.entries()) {
        writeFileSync(join(meeting, \`\${round} \${process.pid}\`), '')
        while (readdirSync(meeting).length < (round + 1) * Number(makers));
        process.stdout.write(keptSecret(dataDir) + '\\n')
      }`
    const module = new URL('./secret.js', import.meta.url).href
    const args = ['--input-type=module', '-e', script, module, String(makers), meeting, ...dataDirs]
    const made = await Promise.all(
      Array.from({ length: makers }, () => {
        const maker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
        after(() => maker.kill())
        return text(maker.stdout)
      }),
    )
    const kept = `${dataDirs.map(keptSecret).join('\n')}\n`
    for (const secrets of made) assert.equal(secrets, kept)
    for (const dataDir of dataDirs) assert.deepEqual(readdirSync(dataDir), ['secret'])
  })

  it('may be written manually, and is trimmed', () => {
    const own = 'my own secret, of 32 characters.'
    assert.equal(keptSecret(dataDirWith(`  ${own}\r\n\n`)), own)
  })

  for (const kept of ['', '\n', 'x'.repeat(31), `${' '.repeat(40)}short${' '.repeat(40)}`]) {
    it(`is rejected, and kept, when the file contains ${JSON.stringify(kept)}`, () => {
      const dataDir = dataDirWith(kept)
      const file = join(dataDir, 'secret')
      assert.throws(
        () => keptSecret(dataDir),
        error => {
          assert.ok(error instanceof StartError)
          assert.equal(error.exitCode, exit.config)
          assert.equal(
            error.message,
            `The file "${file}" does not contain a secret of at least 32 characters. Restore it, or remove the file to have a new one generated.`,
          )
          return true
        },
      )
      assert.equal(readFileSync(file, 'utf8'), kept, 'what is there is not replaced')
    })
  }

  it('causes an error that names the setting if the directory cannot be created', () => {
    const file = join(folder, 'a file')
    writeFileSync(file, '')
    assert.throws(
      () => keptSecret(join(file, 'data')),
      error => {
        assert.ok(error instanceof StartError)
        assert.match(
          error.message,
          /^Cannot create the data directory ".*": .*\. Set DATA_DIR to a directory that Duly can write to\.$/,
        )
        return true
      },
    )
    assert.ok(existsSync(file))
  })
})
