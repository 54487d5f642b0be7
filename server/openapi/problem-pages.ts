import type { FastifyReply } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Route } from '../http/route.ts'
import { html, sendPage } from '../pages/html-page.ts'
import type { Answer } from './operation.ts'
import { problems } from './problems.ts'

// The pages that the `type` of a problem leads to.

const codes = Object.keys(problems) as ErrorCode[]
const page: Answer = { description: 'The page.', mediaType: 'text/html', schema: { type: 'string' } }

export const problemRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/problems',
    operation: {
      id: 'listProblems',
      summary: 'List the error codes',
      description: 'Each code links to its page.',
      answers: { 200: page },
    },
    handle(_request, reply) {
      const items = codes.map(
        code =>
          `<li><a href="${reply.server.base}/problems/${code}"><code>${code}</code></a>: ${html(problems[code].title)}</li>`,
      )
      return send(reply, 'Problems', `<ul>${items.join('')}</ul>`)
    },
  },
  {
    method: 'GET',
    path: '/problems/{code}',
    operation: {
      id: 'getProblem',
      summary: 'Explain an error code',
      description: 'The page says what the code means and what to do.',
      fails: ['route_not_found'],
      answers: { 200: page },
    },
    handle(request, reply) {
      const { code: asked } = request.params as { code: string }
      const code = codes.find(known => known === asked)
      if (!code) throw new AppError('route_not_found', `There is no error code "${asked}". See /problems.`)
      const { title, meaning, fix } = problems[code]
      const text = `<p><code>${code}</code></p><p>${html(meaning)}</p><p>${html(fix)}</p>`
      return send(reply, title, `${text}<p><a href="${reply.server.base}/problems">All problems</a></p>`)
    },
  },
]

function send(reply: FastifyReply, title: string, body: string): FastifyReply {
  return sendPage(reply.header('cache-control', 'public, max-age=3600'), title, body)
}
