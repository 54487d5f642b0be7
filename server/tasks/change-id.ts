import { createHash } from 'node:crypto'

// The id of a change: its revision, and a checksum that binds it to the owner and the owner's
// epoch. It is not secret: it is accepted only from the owner.

export function changeId(owner: string, { revision, epoch }: { revision: number; epoch: string }): string {
  return `${revision.toString(36)}-${checkOf(owner, epoch, revision)}`
}

/** The revision in an id of this owner. @returns undefined for any other text */
export function revisionIn(id: string, owner: string, epoch: string): number | undefined {
  const revision = Number.parseInt(/^([1-9a-z][0-9a-z]{0,10})-/.exec(id)?.[1] ?? '', 36)
  if (!Number.isSafeInteger(revision)) return undefined
  return id === changeId(owner, { revision, epoch }) ? revision : undefined
}

const checkOf = (owner: string, epoch: string, revision: number) =>
  createHash('sha256')
    .update(JSON.stringify([owner, epoch, revision]))
    .digest('base64url')
    .slice(0, 12)
