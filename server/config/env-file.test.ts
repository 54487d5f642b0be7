import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parseEnv } from 'node:util'
import { exit, StartError } from '../errors.ts'
import { parseEnvFile, readEnvFile } from './env-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'duly-env-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function fileWith(content: string | Buffer, mode = 0o600): string {
  count += 1
  const file = join(folder, `${count}.env`)
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

const refused = (file: string, message: RegExp, named = false) =>
  assert.throws(
    () => readEnvFile(file, named),
    error => error instanceof StartError && error.exitCode === exit.config && message.test(error.message),
  )

describe('an env file', () => {
  it('may be a pipe, as password managers create one', { skip: process.platform === 'win32' }, async () => {
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', ['-m', '600', fifo])
    const writer = spawn('sh', ['-c', 'echo PORT=8080 > "$0"', fifo])
    assert.deepEqual(readEnvFile(fifo, false), { values: { PORT: '8080' }, notes: [] })
    await once(writer, 'close')
  })

  const line = 'DATABASE_URL=postgres://a:b@c/d\nPORT=8080\n'
  const expected = { DATABASE_URL: 'postgres://a:b@c/d', PORT: '8080' }
  for (const [what, content] of [
    ['begins with a byte order mark', `\ufeff${line}`],
    ['has CRLF line ends', line.replaceAll('\n', '\r\n')],
    ['has both', `\ufeff${line.replaceAll('\n', '\r\n')}`],
    ['has "export" before the names', line.replaceAll(/^(?=\w)/gm, 'export ')],
    ['has spaces around the names and values', line.replaceAll('=', '  =  ')],
    ['has comments after the values', line.replaceAll('\n', ' # a comment\n')],
    ['has quotation marks around the values', line.replaceAll(/=(.*)/g, '="$1" # a comment')],
    ['has no line break at the end', line.trimEnd()],
  ] as const) {
    it(`that ${what} is read completely`, () => {
      assert.deepEqual(readEnvFile(fileWith(content), false), { values: expected, notes: [] })
    })
  }

  it('is read as Node reads it', () => {
    const text = `# a comment\nA=a b\nB='x # y'\nC="one\\ntwo"\nD=\`q"q\`\nE=\n\n  F = f # c\nG="line one\nline two"\nH='\\n'\n`
    assert.deepEqual({ ...parseEnvFile(text).values }, { ...parseEnv(text) })
  })

  it('may contain # in a value', () => {
    assert.deepEqual(parseEnvFile('A=pass#word\nB=a #b').values, { A: 'pass#word', B: 'a' })
  })

  it('reports lines that are not NAME=value', () => {
    const { values, notes } = parseEnvFile('A=1\nPORT 8000\nB="x" y')
    assert.deepEqual(values, { A: '1', B: 'x' })
    assert.deepEqual(notes, [
      'Line 2 of .env is ignored: it is not NAME=value.',
      'Line 3 of .env continues after the closing quotation mark; the rest is ignored.',
    ])
  })

  it('reports an open quotation mark and a name that is set twice', () => {
    const { values, notes } = parseEnvFile("A='1\nB=2\nB=3")
    assert.deepEqual(values, { A: "'1", B: '3' })
    assert.equal(notes.length, 2)
  })

  for (const [what, content] of [
    ['UTF-16', Buffer.from('\ufeffPORT=1\n', 'utf16le')],
    ['UTF-16', Buffer.from('PORT=1\n', 'utf16le')],
    ['UTF-16', Buffer.from('\ufeffPORT=1\n', 'utf16le').swap16()],
    ['not UTF-8', Buffer.from('PASSWORD=pässword\n', 'latin1')],
  ] as const) {
    it(`that is ${what} is rejected with a fix`, () =>
      refused(fileWith(content), new RegExp(`it is ${what}\\. Save it as UTF-8\\.$`)))
  }

  it('that is a directory is rejected with an error message', () => {
    const directory = join(folder, 'directory.env')
    mkdirSync(directory)
    assert.throws(
      () => readEnvFile(directory, false),
      /Cannot read the settings in ".*": it is a directory\. Docker/,
    )
  })

  it('is required if ENV_FILE names it; .env is optional', () => {
    assert.throws(
      () => readEnvFile(join(folder, 'none'), true),
      /Cannot read the settings in ".*none": it does not/,
    )
    assert.deepEqual(readEnvFile(join(folder, 'none'), false), { values: {}, notes: [] })
  })
})

describe('an env file that others can write', {
  skip: process.platform === 'win32' && 'no owners',
}, () => {
  it('is rejected, unless the operator has named it', () => {
    const file = fileWith('PORT=1', 0o666)
    refused(file, /every user of this machine can change it\. Run "chmod o-w .*", or set ENV_FILE=/)
    assert.equal(readEnvFile(file, true).values.PORT, '1')
    assert.match(
      readEnvFile(file, true).notes[0] ?? '',
      /is not safe: every user of this machine can change it/,
    )
  })

  it('is accepted if only a group can, since that is the default of many systems', () => {
    assert.deepEqual(readEnvFile(fileWith('PORT=1', 0o664), false).notes, [])
  })

  it('causes a warning in a directory in which others can replace it, other than /tmp', () => {
    const open = join(folder, 'open')
    mkdirSync(open)
    writeFileSync(join(open, '.env'), 'PORT=1', { mode: 0o600 })
    chmodSync(open, 0o777)
    assert.match(readEnvFile(join(open, '.env'), false).notes[0] ?? '', /can replace/)
    chmodSync(open, 0o1777)
    assert.deepEqual(readEnvFile(join(open, '.env'), false).notes, [])
  })

  // Only root can change the owner of a file.
  const isRoot = process.getuid?.() === 0
  it('is rejected if another user owns it, also behind a link', { skip: !isRoot && 'needs root' }, () => {
    const file = fileWith('PORT=1')
    chownSync(file, 65_534, 65_534)
    refused(file, /it belongs to user 65534, and Duly runs as user 0\. Run "chown 0 /)
    const link = join(folder, 'link.env')
    symlinkSync(file, link)
    refused(link, /it belongs to user 65534/)
    assert.match(readEnvFile(file, true).notes[0] ?? '', /belongs to user 65534/)
  })
})
