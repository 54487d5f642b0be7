import type { FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { type Database, unprepared } from '../db/database.ts'
import { sendJson } from '../http/json-reply.ts'
import type { Route } from '../http/route.ts'
import { closed } from '../openapi/schemas.ts'

const flag = { type: 'boolean' }

export const signInOptions: Route = {
  method: 'GET',
  path: '/api/auth/options',
  operation: {
    id: 'getSignInOptions',
    summary: 'Get the ways to sign in',
    description: 'What a sign-in page offers: whether sign-up is open, and which providers are configured.',
    fails: ['database_away'],
    answers: {
      200: {
        description: 'The ways to sign in.',
        schema: closed({
          sign_up: { ...flag, description: 'Whether anyone can create an account.' },
          confirms_email: { ...flag, description: 'Whether new users must confirm their email address.' },
          providers: { type: 'array', items: { enum: ['github', 'google'] } },
          try_it: {
            ...flag,
            description:
              'Whether this is a local server without accounts, so that a page may offer to create one without questions.',
          },
        }),
      },
    },
  },
  async handle(request, reply, context) {
    const { config } = context
    const options = {
      sign_up: config.signUp === 'open',
      confirms_email: config.smtp !== undefined,
      providers: (['github', 'google'] as const).filter(name => config[name] !== undefined),
      try_it: await isFreshAndLocal(request, context),
    }
    return sendJson(reply, JSON.stringify(options))
  },
}

const loopback = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i
const forwarding = ['forwarded', 'via', 'x-real-ip'] as const
const anyone = unprepared('select true from duly."user" limit 1')

/** Whether the caller is at this machine, and the first one to use this server. */
async function isFreshAndLocal({ headers }: FastifyRequest, { config, db }: Context): Promise<boolean> {
  const isForwarded =
    forwarding.some(name => headers[name] !== undefined) ||
    Object.keys(headers).some(name => name.startsWith('x-forwarded-'))
  if (config.publicUrl !== undefined || config.signUp === 'closed' || config.smtp !== undefined) return false
  if (isForwarded || !loopback.test(headers.host ?? '')) return false
  return !(await hasAccounts(db))
}

const hasAccounts = async (db: Database): Promise<boolean> => (await db.query(anyone)).length > 0
