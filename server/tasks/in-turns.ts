import { setImmediate } from 'node:timers/promises'

/**
 * Yields the items. Other requests run after every 50, because deriving an instant takes 0.1 to 0.4
 * ms.
 */
export async function* inTurns<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  let count = 0
  for (const item of items) {
    if (count > 0 && count % 50 === 0) await setImmediate()
    count += 1
    yield item
  }
}
