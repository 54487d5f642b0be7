import type { Call, CallOptions } from './transport.ts'

export interface WriteOptions extends CallOptions {
  /** Your key, if another process may retry. By default, each call generates one. */
  readonly idempotencyKey?: string
  /** Receives the id of the change, for `undo`. Not called if nothing changed. */
  readonly onChange?: (change: string) => void
}

export interface ConditionalOptions extends WriteOptions {
  /** The item that you have. If it has changed since, the call fails with `precondition_failed`. */
  readonly ifMatch?: { readonly revision: number }
}

/** The parts of a call that all writes have. Their key makes it safe to repeat them. */
export function written({
  idempotencyKey,
  ifMatch,
  ...options
}: ConditionalOptions): Pick<Call, 'headers' | 'signal' | 'onChange'> {
  return {
    headers: {
      'idempotency-key': idempotencyKey ?? crypto.randomUUID(),
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch.revision}"` }),
    },
    ...options,
  }
}
