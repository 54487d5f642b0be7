import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { failureOf } from './cli/failure.ts'
import { AppError, exit, StartError } from './errors.ts'
import { cannotListen } from './listen.ts'
import { explain } from './system-error.ts'

/** As Node creates them. */
function systemError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code}: something, open '/srv/data'`), {
    code,
    errno: -1,
    syscall: 'open',
    ...more,
  })
}

describe('a system error', () => {
  const codes = [
    ['EACCES', 'permission denied', exit.noPerm],
    ['EPERM', 'operation not permitted', exit.noPerm],
    ['EROFS', 'the file system is read-only', exit.cantCreate],
    ['ENOSPC', 'the disk is full', exit.cantCreate],
    ['EDQUOT', 'the disk quota is used up', exit.cantCreate],
    ['ENOENT', 'it does not exist', exit.noInput],
    ['EISDIR', 'it is a directory', exit.noInput],
    ['EMFILE', 'too many files are open', exit.osErr],
    ['EIO', 'the device reported an error', exit.ioErr],
  ] as const
  for (const [code, reason, exitCode] of codes) {
    it(`with the code ${code} is reported as a sentence with a fix, without a stack`, () => {
      const failure = failureOf(systemError(code, { path: '/srv/data' }))
      assert.equal(failure.exitCode, exitCode)
      assert.match(failure.text, new RegExp(`^Cannot open "/srv/data": ${reason}\\. [A-Z].*\\.\\n$`))
    })
  }

  it('is found as the cause of an AppError', () => {
    const cause = systemError('ECONNREFUSED', { syscall: 'connect', address: '127.0.0.1', port: 5432 })
    const away = new AppError('database_away', 'The database cannot be reached right now.', { cause })
    assert.match(
      failureOf(away).text,
      /^Cannot connect to "127\.0\.0\.1:5432": the connection was refused\. /,
    )
  })

  it('with an unknown code is not changed', () => {
    const error = systemError('EUNKNOWN')
    assert.equal(explain(error), error)
  })
})

describe('an unexpected error', () => {
  it('is reported as a bug, with its stack and those of its causes', () => {
    const { text, exitCode } = failureOf(new TypeError('x is not y', { cause: new Error('the cause') }))
    assert.equal(exitCode, exit.software)
    for (const part of [
      /This is a bug\. Please report it/,
      /TypeError: x is not y\n +at /,
      /Error: the cause\n +at /,
    ])
      assert.match(text, part)
  })
})

describe('a port on which the server cannot listen', () => {
  for (const [code, fix] of [
    ['EACCES', 'permission denied. Ports below 1024 need privileges; set PORT, for example 8000.'],
    ['EADDRINUSE', 'the port is in use. Stop the program that uses it, or set PORT to a free port.'],
    ['ENOTFOUND', 'the host name cannot be resolved. Set HOST to an address of this machine'],
    ['EAI_AGAIN', 'the host name cannot be resolved. Set HOST to an address of this machine'],
    ['EADDRNOTAVAIL', 'this machine does not have the address. Set HOST to an address of this machine'],
    [
      'EAFNOSUPPORT',
      'this machine does not support the address family. Set HOST to an address of this machine',
    ],
  ] as const) {
    it(`is explained for ${code}`, () => {
      const error = cannotListen({ host: '::1', port: 80, setting: 'PORT' }, systemError(code))
      assert.ok(error instanceof StartError)
      assert.equal(error.exitCode, exit.unavailable)
      assert.ok(error.message.startsWith(`Cannot listen on [::1]:80: ${fix}`), error.message)
    })
  }
})

describe('docs/operations.md', () => {
  it('lists every exit code', () => {
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const listed = [...page.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code))
    assert.deepEqual(listed, [0, 1, ...Object.values(exit)])
  })
})
