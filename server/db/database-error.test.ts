import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import pg from 'pg'
import { AppError } from '../errors.ts'
import { databaseError } from './database-error.ts'

describe('the error of a query that the driver has not sent', () => {
  it('is "database away", for writes and for reads', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port: 1 })
    client.on('error', () => {})
    const connecting = assert.rejects(client.connect())
    void client.end()
    const refused: unknown = await client.query('select 1').then(
      () => undefined,
      error => error,
    )
    await connecting
    for (const commits of [true, false]) {
      const told = databaseError(refused, { name: 'duly_create', commits, lost: false })
      assert.ok(told instanceof AppError && told.code === 'database_away', String(told))
    }
  })
})
