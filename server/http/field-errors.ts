import type { AppError } from '../errors.ts'
import type { Schema } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'

/** Every broken rule, if there are several. Contracts name them all in one sentence. */
export function fieldErrors({ problems }: AppError): { errors?: { field: string; message: string }[] } {
  return problems.length > 1 ? { errors: problems.map(({ field, message }) => ({ field, message })) } : {}
}

export const fieldErrorsSchema: Schema = {
  type: 'array',
  items: closed({ field: { type: 'string' }, message: { type: 'string' } }),
  description: 'All broken rules, if there are several.',
}
