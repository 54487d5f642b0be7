import type { AppError, ErrorCode } from '../errors.ts'
import type { Schema } from '../openapi/operation.ts'
import type { Occurrence } from './error-reply.ts'
import { fieldErrors, fieldErrorsSchema } from './field-errors.ts'

// The error body of contracts with their own codes and a timestamp.

type Codes = Readonly<Partial<Record<ErrorCode, string>>>

/** @param codes the contract's codes @param otherwise its code for all other errors */
export function datedError(codes: Codes, otherwise: string) {
  return (error: AppError, { at }: Occurrence) => ({
    detail: error.message,
    error_code: codes[error.code] ?? otherwise,
    timestamp: at.toISOString(),
    ...fieldErrors(error),
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
      errors: fieldErrorsSchema,
    },
    additionalProperties: false,
  }
}
