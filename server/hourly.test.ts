import assert from 'node:assert/strict'
import { it } from 'node:test'
import { pino } from 'pino'
import { hourly } from './hourly.ts'
import { Background } from './telemetry/background.ts'

it('an hourly step that fails is logged and counted by its name, and keeps none of the others from running', async () => {
  const said: { level: number; work: string; err?: { message: string } }[] = []
  const background = new Background(pino({}, { write: line => said.push(JSON.parse(line)) }))
  const ran: string[] = []
  const step = (name: string) => async () => {
    ran.push(name)
    if (name === 'first' || name === 'third') throw new Error(`the ${name} cannot be done`)
  }
  const names = ['first', 'second', 'third', 'fourth']
  const { run, stop } = hourly(Object.fromEntries(names.map(name => [name, step(name)])), background)
  await run()
  await run()
  await stop()
  assert.deepEqual(ran, [...names, ...names])
  assert.deepEqual(
    background.outcomes.filter(({ name }) => names.includes(name)),
    [
      { name: 'first', done: 0, failed: 2 },
      { name: 'second', done: 2, failed: 0 },
      { name: 'third', done: 0, failed: 2 },
      { name: 'fourth', done: 2, failed: 0 },
    ],
  )
  assert.deepEqual(
    said.map(({ level, work, err }) => [level, work, err?.message]),
    ['first', 'third', 'first', 'third'].map(name => [50, name, `the ${name} cannot be done`]),
  )
})
