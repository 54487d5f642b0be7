import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { it } from 'node:test'
import { passwordHasher } from './passwords.ts'

it('passwords are hashed with scrypt, N = 16384 and r = 16', async () => {
  const { hash, verify } = passwordHasher(1)
  const stored = await hash('correct horse battery')
  const [salt = '', key] = stored.split(':')
  const cost = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 }
  assert.equal(scryptSync('correct horse battery', salt, 64, cost).toString('hex'), key)
  assert.equal(await verify({ hash: stored, password: 'correct horse battery' }), true)
  assert.equal(await verify({ hash: stored, password: 'wrong horse battery' }), false)
})
