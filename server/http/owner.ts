import type { FieldProblem } from '../errors.ts'

/** The owner on the wire, as JSON: a number if the id is a canonical decimal, else a string. */
export function ownerJson(owner: string): string {
  const number = /^(0|[1-9]\d{0,15})$/.test(owner) && Number.isSafeInteger(Number(owner))
  return number ? owner : JSON.stringify(owner)
}

/** What is wrong with the owner that a body names: it may be the caller alone. */
export function ownerProblems(body: Readonly<Record<string, unknown>>, owner: string): FieldProblem[] {
  return ['user_id', 'owner_id']
    .filter(field => body[field] !== undefined && body[field] !== null && !isOwner(body[field], owner))
    .map(field => ({ field, message: `"${field}" must be your own user id, or be left out.` }))
}

function isOwner(value: unknown, owner: string): boolean {
  return typeof value === 'number' ? String(value) === owner : value === owner
}
