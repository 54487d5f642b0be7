import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Temporal } from 'temporal-polyfill'
import { daysBetween, daysFromToday, keysAround, lastKeyPassed, passedAt } from './days.ts'
import { sortKeyOf, zoned } from './when.ts'

const today = (now: string, zone: string) => daysFromToday({ now, zone }, 1)

describe('a day', () => {
  const cases: readonly (readonly [
    what: string,
    now: string,
    zone: string,
    day: string,
    instants: readonly [string, string],
  ])[] = [
    [
      'at 23:59 in Auckland',
      '2026-12-01T10:59:00Z',
      'Pacific/Auckland',
      '2026-12-01',
      ['2026-11-30T11:00:00Z', '2026-12-01T11:00:00Z'],
    ],
    [
      'at midnight in Auckland',
      '2026-12-01T11:00:00Z',
      'Pacific/Auckland',
      '2026-12-02',
      ['2026-12-01T11:00:00Z', '2026-12-02T11:00:00Z'],
    ],
    [
      'at 23:59 in Honolulu',
      '2026-12-02T09:59:59.999Z',
      'Pacific/Honolulu',
      '2026-12-01',
      ['2026-12-01T10:00:00Z', '2026-12-02T10:00:00Z'],
    ],
    [
      'in Kathmandu, 5:45 ahead',
      '2026-12-01T18:14:00Z',
      'Asia/Kathmandu',
      '2026-12-01',
      ['2026-11-30T18:15:00Z', '2026-12-01T18:15:00Z'],
    ],
    [
      'of 23 hours in Adelaide',
      '2026-10-04T00:00:00Z',
      'Australia/Adelaide',
      '2026-10-04',
      ['2026-10-03T14:30:00Z', '2026-10-04T13:30:00Z'],
    ],
    [
      'of 24.5 hours on Lord Howe Island',
      '2026-04-05T00:00:00Z',
      'Australia/Lord_Howe',
      '2026-04-05',
      ['2026-04-04T13:00:00Z', '2026-04-05T13:30:00Z'],
    ],
    [
      'that begins at 01:00, in Cairo',
      '2026-04-23T22:00:00Z',
      'Africa/Cairo',
      '2026-04-24',
      ['2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z'],
    ],
    [
      'whose last hour occurs twice, in Santiago',
      '2026-04-05T03:30:00Z',
      'America/Santiago',
      '2026-04-04',
      ['2026-04-04T03:00:00Z', '2026-04-05T04:00:00Z'],
    ],
    [
      'that is not repeated when the clock goes back over midnight, in St. John’s',
      '2010-11-07T03:00:00Z',
      'America/St_Johns',
      '2010-11-07',
      ['2010-11-07T02:30:00Z', '2010-11-08T03:30:00Z'],
    ],
    [
      'after a skipped day, in Apia',
      '2011-12-30T10:00:00Z',
      'Pacific/Apia',
      '2011-12-31',
      ['2011-12-30T10:00:00Z', '2011-12-31T10:00:00Z'],
    ],
  ]
  for (const [what, now, zone, day, instants] of cases) {
    it(what, () => assert.deepEqual(today(now, zone), { keys: [day, `${day}~`], instants }))
  }

  it('may be part of a range, with or without bounds', () => {
    assert.deepEqual(daysBetween(undefined, undefined, 'UTC').instants, ['-infinity', 'infinity'])
    assert.deepEqual(daysBetween('1000-01-01', '9999-12-31', 'Pacific/Auckland').instants, [
      '0999-12-31T12:20:56Z',
      'infinity',
    ])
    assert.deepEqual(daysFromToday({ now: '2026-02-27T12:00:00Z', zone: 'UTC' }, 7), {
      keys: ['2026-02-27', '2026-03-05~'],
      instants: ['2026-02-27T00:00:00Z', '2026-03-06T00:00:00Z'],
    })
  })
})

describe('what is past', () => {
  const zones = [
    'America/New_York',
    'Pacific/Auckland',
    'Pacific/Honolulu',
    'Asia/Kathmandu',
    'Australia/Adelaide',
    'Australia/Lord_Howe',
    'Africa/Cairo',
    'America/Santiago',
    'America/St_Johns',
    'Pacific/Apia',
  ]

  /** Each clock change of three years. */
  function* changes(zone: string): Generator<Temporal.ZonedDateTime> {
    for (const year of ['2006', '2011', '2026']) {
      let at = Temporal.Instant.from(`${year}-01-01T00:00:00Z`).toZonedDateTimeISO(zone)
      for (let count = 0; count < 2; count += 1) {
        at = at.getTimeZoneTransition('next') ?? at
        yield at
      }
    }
  }

  /** Times on the clock around a change, and when they are, by the time zone database. */
  function timesAround(change: Temporal.ZonedDateTime) {
    const wall = change.toPlainDateTime()
    const times: { key: string; ms: number }[] = []
    for (let minutes = -54 * 60; minutes <= 54 * 60; minutes += Math.abs(minutes) < 480 ? 5 : 15) {
      const time = wall.add({ minutes })
      const [date = '', clock = ''] = time.toString().split('T')
      const key = sortKeyOf({ date, time: clock.slice(0, 5) })
      times.push({ key, ms: time.toZonedDateTime(change.timeZoneId).epochMilliseconds })
    }
    return times
  }

  function datesAround(change: Temporal.ZonedDateTime) {
    return Array.from({ length: 9 }, (_, n) => {
      const date = change.toPlainDate().add({ days: n - 4 })
      const end = date.add({ days: 1 }).toZonedDateTime(change.timeZoneId)
      return { key: sortKeyOf({ date: date.toString() }), ms: end.epochMilliseconds }
    })
  }

  for (const zone of zones) {
    it(`of floating times and dates agrees with the time zone database, in ${zone}`, () => {
      for (const change of changes(zone)) {
        const times = timesAround(change)
        const dates = datesAround(change)
        for (let minutes = -180; minutes <= 180; minutes += 15) {
          const at = change.add({ minutes }).toInstant()
          const { timesBefore, datesBefore, except } = passedAt({ now: at.toString(), zone })
          const [from, until] = except
          const wrongTimes = times.filter(
            ({ key, ms }) =>
              (key < timesBefore && !(key >= from && key < until)) !== ms < at.epochMilliseconds,
          )
          const wrongDates = dates.filter(({ key, ms }) => key < datesBefore !== ms <= at.epochMilliseconds)
          assert.deepEqual([wrongTimes, wrongDates], [[], []], `at ${at}`)
        }
      }
    })
  }
})

describe('the keys around a period', () => {
  it('include those of all instants in it, in every time zone', () => {
    const ends = ['Pacific/Kiritimati', 'Etc/GMT+12', 'UTC']
    for (const zone of ends) {
      const clock = { now: '2026-12-01T12:00:00Z', zone }
      const period = daysFromToday(clock, 7)
      const [first, last] = keysAround(period)
      for (const other of ends) {
        for (const instant of period.instants) {
          const wall = Temporal.Instant.from(instant).toZonedDateTimeISO(other).toPlainDateTime()
          const key = sortKeyOf(
            zoned(wall.toPlainDate().toString(), wall.toPlainTime().toString().slice(0, 5), other),
          )
          assert.ok(first <= key && key <= last, `${key} of ${zone} in ${other}`)
        }
        const now = Temporal.Instant.from(clock.now).toZonedDateTimeISO(other).toPlainDateTime().toString()
        assert.ok(now <= lastKeyPassed(passedAt(clock)))
      }
    }
    assert.deepEqual(keysAround(daysBetween(undefined, undefined, 'UTC')), ['', '9999-12-31~'])
    assert.deepEqual(keysAround(daysBetween('1000-01-01', '9999-12-31', 'UTC')), ['', '9999-12-31~'])
  })
})
