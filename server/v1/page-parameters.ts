import type { FastifyRequest } from 'fastify'
import { queryInteger } from '../http/parameters.ts'
import type { Parameter } from '../openapi/operation.ts'

// The query parameters `limit` and `cursor`.

const limits = { min: 1, max: 1000, fallback: 100 }

/** @throws AppError `broken_rule` */
export const readLimit = (request: FastifyRequest): number => queryInteger(request, 'limit', limits)

/** @param items the items of a page, in the plural */
export const limitParameter = (items: string): Parameter => ({
  name: 'limit',
  in: 'query',
  description: `Maximum number of ${items}.`,
  schema: { type: 'integer', minimum: limits.min, maximum: limits.max, default: limits.fallback },
  example: 20,
})

/** @param also other requirements of the request */
export const cursorParameter = (also = ''): Parameter => ({
  name: 'cursor',
  in: 'query',
  description: `\`next_cursor\` of the previous page.${also}`,
  schema: { type: 'string' },
})
