import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import { expectedRevisions, isKnown } from './conditional.ts'

// The functions read only the headers of a request.
const request = (headers: Record<string, string>) => ({ headers }) as unknown as FastifyRequest
const revisions = (header: string) => expectedRevisions(request({ 'if-match': header }))
const known = (header: string) => isKnown(request({ 'if-none-match': header }), '"7"')

describe('entity tags', () => {
  it('are parsed in every form of the grammar', () => {
    for (const header of [
      '"7"',
      'W/"7"',
      ' "7" ',
      '"a","7"',
      '"a" ,  "7"',
      ',"7"',
      '"7",',
      ', ,"7" , ,"b"',
      '*',
      ' * ',
    ])
      assert.equal(known(header), true, header)
    for (const header of ['', ' ', ',', '"8"', '"a,7"', 'W/"8", "77"'])
      assert.equal(known(header), false, header)
    assert.deepEqual(revisions('"7", W/"8" ,"9","x",""'), [7, 8, 9])
  })

  it('match with every suffix that a compressing proxy adds', () => {
    const rewritten = ['"7-gzip"', 'W/"7-gzip"', '"7--gzip"', '"7;gzip"', '"7:gzip"', '"7-br"', '"7-GZIP"']
    for (const header of [...rewritten, '"7-deflate"', '"7-zstd"', '"7-x-gzip"', '"6", "7-br"']) {
      assert.equal(known(header), true, header)
      assert.deepEqual(revisions(header)?.includes(7), true, header)
    }
    for (const header of [
      '"7gzip"',
      '"7-"',
      '"-gzip"',
      '"7-gzip-gzip"',
      '"gzip-7"',
      '"07-gzip"',
      '"7-tar"',
    ]) {
      assert.equal(known(header), false, header)
      assert.deepEqual(revisions(header), [], header)
    }
  })

  it('of a list that end like a suffix are compared as a whole', () => {
    const list = (header: string) => isKnown(request({ 'if-none-match': header }), '"7-abcdefghijklm-br"')
    assert.equal(list('"7-abcdefghijklm-br"'), true)
    assert.equal(list('W/"7-abcdefghijklm-br-gzip"'), true)
    assert.equal(list('"7-abcdefghijklm"'), false)
  })

  it('are rejected in any other form', () => {
    for (const header of ['7', '"7', '7"', '"7" "8"', '"7";"8"', 'w/"7"', 'W/ "7"', '*, "7"', '"7"x', ', ,x'])
      for (const read of [known, revisions])
        assert.throws(
          () => read(header),
          (error: unknown) => error instanceof AppError && error.code === 'broken_rule',
        )
  })

  // A pattern that backtracks would take exponential time.
  it('that are invalid are rejected in linear time, with any number of spaces and commas', () => {
    for (const part of [',   ', '"a" ,  ', 'W/"",', ' \t, ', '"'])
      for (const read of [known, revisions]) assert.throws(() => read(`${part.repeat(3000)}x`), AppError)
  })
})
