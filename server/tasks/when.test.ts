import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InvalidValue } from '../fields/field.ts'
import { inUtc, isAfter, readWhen, sortKeyOf } from './when.ts'

describe('when a task is due', () => {
  it('is a date, a local time, or a time in a zone with its instant', () => {
    const date = '2026-12-01'
    assert.deepEqual(readWhen({ date }), { date })
    assert.deepEqual(readWhen({ date, time: '09:30:00.000' }), { date, time: '09:30' })
    assert.deepEqual(readWhen({ date, time: '09:30:15.250', at: 'ignored' }), { date, time: '09:30:15.250' })
    const berlin = { date, time: '09:30', time_zone: 'Europe/Berlin' }
    assert.deepEqual(readWhen(berlin), { ...berlin, at: '2026-12-01T08:30:00Z' })
    assert.deepEqual(readWhen(readWhen(berlin)), readWhen(berlin))
  })

  it('moves a skipped time forward and takes the first of a repeated one', () => {
    const at = (date: string, time: string, zone: string) => readWhen({ date, time, time_zone: zone }).at
    assert.equal(at('2026-03-29', '02:30', 'Europe/Berlin'), '2026-03-29T01:30:00Z')
    assert.equal(at('2026-10-25', '02:30', 'Europe/Berlin'), '2026-10-25T00:30:00Z')
    assert.equal(at('2026-12-01', '09:30', 'Asia/Kathmandu'), '2026-12-01T03:45:00Z')
    assert.equal(at('2026-12-01', '09:30', 'UTC'), '2026-12-01T09:30:00Z')
  })

  it('rejects invalid dates, times and zones', () => {
    const date = '2026-12-01'
    const time = '09:30'
    for (const value of [
      ...[null, 'tomorrow', [], {}, { date: 5 }, { date: '2026-02-30' }, { date: '0999-01-01' }],
      ...[
        { date, time: '24:00' },
        { date, time: '9:30' },
        { date, time: '09:30:15.25' },
        { date, time: 5 },
      ],
      ...['+01:00', 'Mars/Olympus', '', 5, '../etc', 'GMT+25'].map(zone => ({ date, time, time_zone: zone })),
      ...[
        { date, time_zone: 'UTC' },
        { date, hour: 9 },
      ],
      { date: '9999-12-31', time: '23:59', time_zone: 'Pacific/Honolulu' },
    ])
      assert.throws(() => readWhen(value), InvalidValue, JSON.stringify(value))
  })

  it('sorts a date after the times of its day', () => {
    const whens = [
      { date: '2026-12-01', time: '23:59:59.999' },
      { date: '2026-12-01' },
      { date: '2026-12-02', time: '00:00' },
    ]
    const keys = whens.map(sortKeyOf)
    assert.deepEqual(keys.toSorted(), keys)
  })

  it('compares start and due, where a date includes its whole day', () => {
    const day = { date: '2026-12-01' }
    const berlin = (time: string) => readWhen({ ...day, time, time_zone: 'Europe/Berlin' })
    const utc = (time: string) => readWhen({ ...day, time, time_zone: 'UTC' })
    const times = [
      [day, day, false],
      [{ ...day, time: '23:59' }, day, false],
      [day, { ...day, time: '00:00' }, false],
      [{ ...day, time: '09:31' }, { ...day, time: '09:30' }, true],
      [{ date: '2026-12-02' }, day, true],
      [utc('09:00'), berlin('10:00'), false],
      [utc('09:01'), berlin('10:00'), true],
    ] as const
    for (const [start, due, expected] of times) assert.equal(isAfter(start, due), expected)
  })

  it('parses an instant with an offset as a time in UTC', () => {
    const at = '2026-12-01T08:30:00Z'
    assert.deepEqual(inUtc('2026-12-01T09:30:00.000+01:00'), {
      date: '2026-12-01',
      time: '08:30',
      time_zone: 'UTC',
      at,
    })
  })
})
