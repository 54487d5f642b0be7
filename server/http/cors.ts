import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { matcherOf } from '../origins.ts'

/**
 * Lets browsers call the API from the origins of CORS_ORIGINS. Requests of other origins, and of
 * programs that are not a browser, get no CORS headers.
 */
export async function allowOrigins(
  app: FastifyInstance,
  { corsOrigins }: Pick<Context['config'], 'corsOrigins'>,
): Promise<void> {
  const allows = matcherOf(corsOrigins === '*' ? [] : corsOrigins)
  app.addHook('onRoute', route => {
    // The plugin's route for preflights that it does not answer. Replies before the body is read.
    if (route.method === 'OPTIONS') route.onRequest = (_request, reply) => reply.callNotFound()
  })
  await app.register(cors, {
    origin:
      corsOrigins === '*'
        ? '*'
        : (origin, answer) => answer(null, origin !== undefined && allows(origin) ? origin : false),
    credentials: corsOrigins !== '*',
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'set-auth-jwt',
      'ETag',
      'Link',
      'Location',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'Idempotent-Replayed',
      'Duly-Change',
      'X-Request-Id',
    ],
    maxAge: 600,
    strictPreflight: false,
  })
}
