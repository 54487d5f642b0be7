import type { Transport } from '../transport.ts'
import type { Context } from './context.ts'
import { followerOf } from './follow.ts'
import { outboxOf } from './outbox.ts'

export type Network = ReturnType<typeof networkOf>

/** The part that needs the server. What is in the store is shown without it. */
export function networkOf(context: Context, transport: Transport) {
  const follower = followerOf(context, transport, () => outbox.repeat())
  const outbox = outboxOf(context, transport, follower.readNow)
  return {
    /** Whether there is a write that can be sent. */
    hasNext: (): boolean => outbox.next() !== undefined,
    readAhead: follower.readAhead,
    readNow: follower.readNow,
    run: async (): Promise<void> => {
      await Promise.all([follower.run(), outbox.run()])
    },
  }
}
