import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import { codePoint } from '../../test/code-point.ts'
import { type DataRow, leaveRowsAsBytes } from './data-row.ts'

type Columns = readonly (string | null)[]

/** A row as PostgreSQL sends it. */
function messageOf(columns: Columns): Buffer {
  const parts = columns.map(column => {
    const text = Buffer.from(column ?? '')
    const length = Buffer.alloc(4)
    length.writeInt32BE(column === null ? -1 : text.length)
    return Buffer.concat([length, text])
  })
  const body = Buffer.concat([Buffer.from([0, columns.length]), ...parts])
  const head = Buffer.alloc(5)
  head.write('D')
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

/** A client on a stream that the test writes to, and what it emits for each message. */
function listening() {
  const client = leaveRowsAsBytes(new pg.Client({ stream: () => new PassThrough() as never }))
  // Missing in the types of the driver.
  const { connection } = client as unknown as {
    connection: NodeJS.EventEmitter & { stream: PassThrough; attachListeners(stream: PassThrough): void }
  }
  connection.attachListeners(connection.stream)
  const heard: unknown[] = []
  connection.on('dataRow', ({ fields }: DataRow) => heard.push(fields))
  connection.on('commandComplete', ({ text }: { text: string }) => heard.push(text))
  connection.on('errorMessage', ({ code, severity }: { code: string; severity: string }) =>
    heard.push(`${severity} ${code}`),
  )
  return { stream: connection.stream, heard }
}

describe('rows', () => {
  it('are the same at whatever positions the stream is split', async () => {
    const rows = fc.array(
      fc.array(fc.option(fc.string({ unit: codePoint, maxLength: 40 })), { maxLength: 5 }),
    )
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        async (sent, sizes) => {
          const { stream, heard } = listening()
          const bytes = Buffer.concat(sent.map(messageOf))
          for (let at = 0, n = 0; at < bytes.length; n += 1) {
            const size = sizes[n % sizes.length] as number
            stream.write(bytes.subarray(at, at + size))
            at += size
          }
          stream.end()
          await new Promise(resolve => stream.on('end', resolve))
          assert.deepEqual(heard, sent)
        },
      ),
    )
  })

  it('longer than one chunk are joined', () => {
    const { stream, heard } = listening()
    const rows = [['a'.repeat(300_000)], ['b'], ['c'.repeat(70_000), null]]
    const bytes = Buffer.concat(rows.map(messageOf))
    const size = 64 * 1024
    for (let at = 0; at < bytes.length; at += size) stream.emit('data', bytes.subarray(at, at + size))
    assert.deepEqual(heard, rows)
  })

  it('are emitted in order with all other messages', async () => {
    const { stream, heard } = listening()
    const complete = Buffer.from('C\0\0\0\x0dSELECT 1\0')
    const failed = Buffer.from('E\0\0\0\x1bSFEHLER\0VERROR\0C22012\0\0')
    stream.end(Buffer.concat([messageOf(['a', null]), complete, messageOf([]), failed]))
    await new Promise(resolve => stream.on('end', resolve))
    assert.deepEqual(heard, [['a', null], 'SELECT 1', [], 'ERROR 22012'])
  })
})
