import type { AppError, ErrorCode } from '../errors.ts'
import type { Occurrence } from './error-reply.ts'
import type { Schema } from './operation.ts'
import { problemsSchema } from './task-schemas.ts'

// The error body of the contracts that tell a code of their own, and the moment.

type Codes = Readonly<Partial<Record<ErrorCode, string>>>

/** @param codes what the contract calls them; `otherwise` those that it does not tell apart */
export function datedError(codes: Codes, otherwise: string) {
  return ({ code, message, problems }: AppError, { at }: Occurrence) => ({
    detail: message,
    error_code: codes[code] ?? otherwise,
    timestamp: at.toISOString(),
    ...(problems.length > 1 ? { errors: problems } : {}),
  })
}

export function datedErrorSchema(codes: Codes, otherwise: string): Schema {
  return {
    type: 'object',
    required: ['detail', 'error_code', 'timestamp'],
    properties: {
      detail: { type: 'string' },
      error_code: { enum: [...new Set([...Object.values(codes), otherwise])] },
      timestamp: { type: 'string', format: 'date-time' },
      errors: problemsSchema,
    },
    additionalProperties: false,
  }
}
