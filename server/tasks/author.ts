/** Who made a change. */
interface Author {
  readonly kind: string
  /** The name of a personal access token. */
  readonly name: string | null
}

/** Who made a change: see `Grant.actor`. */
export function authorOf(actor: string): Author {
  const colon = actor.indexOf(':')
  return colon < 0
    ? { kind: actor, name: null }
    : { kind: actor.slice(0, colon), name: actor.slice(colon + 1) }
}
