import type { FastifyReply } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Route } from '../http/route.ts'
import { html, sendPage } from '../pages/html-page.ts'
import type { Answer } from './operation.ts'
import { problems } from './problems.ts'

// The pages that a problem's `type` leads to, for the person who meets it.

const codes = Object.keys(problems) as ErrorCode[]
const page: Answer = { description: 'A page for people.', mediaType: 'text/html', schema: { type: 'string' } }

export const problemRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/problems',
    operation: {
      id: 'listProblems',
      summary: 'Every problem',
      description: 'The closed list of codes, each with its page.',
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
      summary: 'One problem',
      description: 'What it means, and what to do about it.',
      fails: ['route_not_found'],
      answers: { 200: page },
    },
    handle(request, reply) {
      const { code: asked } = request.params as { code: string }
      const code = codes.find(known => known === asked)
      if (!code) throw new AppError('route_not_found', 'There is no such problem; /problems lists them.')
      const { title, meaning, mend } = problems[code]
      const text = `<p><code>${code}</code></p><p>${html(meaning)}</p><p>${html(mend)}</p>`
      return send(reply, title, `${text}<p><a href="${reply.server.base}/problems">All problems</a></p>`)
    },
  },
]

function send(reply: FastifyReply, title: string, body: string): FastifyReply {
  return sendPage(reply.header('cache-control', 'public, max-age=3600'), title, body)
}
