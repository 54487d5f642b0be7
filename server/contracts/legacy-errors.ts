import type { ContractOption } from '../config/contract.ts'
import type { AppError } from '../errors.ts'
import type { ErrorShape, Occurrence } from '../http/error-reply.ts'
import { fieldErrors, fieldErrorsSchema } from '../http/field-errors.ts'
import type { Schema } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import type { ErrorCodes, LegacyErrors } from './declaration.ts'

/** Codes of contracts that have none, in `error-object`. */
const usualCodes: ErrorCodes = {
  token_missing: 'UNAUTHORIZED',
  token_invalid: 'UNAUTHORIZED',
  not_your_path: 'FORBIDDEN',
  broken_rule: 'VALIDATION_ERROR',
  not_json: 'VALIDATION_ERROR',
  nothing_to_change: 'VALIDATION_ERROR',
  task_not_found: 'NOT_FOUND',
  route_not_found: 'NOT_FOUND',
  internal: 'INTERNAL_ERROR',
}

/**
 * The error body of a contract. Front ends print `detail` or `error`, whichever they know, so both
 * have the message.
 */
export function legacyErrors(
  errors: LegacyErrors,
  options: readonly ContractOption[],
): { readonly body: ErrorShape['errorBody']; readonly schema: Schema } {
  const { codes, otherwise } = errors === 'plain' ? { codes: usualCodes, otherwise: undefined } : errors
  const codeOf = ({ code }: AppError) => codes[code] ?? otherwise ?? code.toUpperCase()
  if (options.includes('error-object'))
    return {
      body: error => ({
        error: { code: codeOf(error), message: error.message, details: detailsOf(error) },
        detail: error.message,
      }),
      schema: closed({
        error: closed({ code: text, message: text, details: fieldErrorsSchema }),
        detail: text,
      }),
    }
  const dated = (error: AppError, { at }: Occurrence) => ({
    error_code: codeOf(error),
    timestamp: at.toISOString(),
  })
  return {
    body: (error, occurrence) => ({
      detail: error.message,
      error: error.message,
      ...(errors === 'plain' ? {} : dated(error, occurrence)),
      ...fieldErrors(error),
    }),
    schema: {
      type: 'object',
      required: ['detail', 'error', ...(errors === 'plain' ? [] : ['error_code', 'timestamp'])],
      properties: {
        detail: text,
        error: text,
        ...(errors === 'plain'
          ? {}
          : {
              error_code: { enum: [...new Set([...Object.values(codes), otherwise])] },
              timestamp: { type: 'string', format: 'date-time' },
            }),
        errors: fieldErrorsSchema,
      },
      additionalProperties: false,
    },
  }
}

const text: Schema = { type: 'string' }

const detailsOf = ({ problems }: AppError) => problems.map(({ field, message }) => ({ field, message }))
