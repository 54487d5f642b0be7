import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Answer } from './operation.ts'
import { problems } from './problems.ts'
import type { Route } from './route.ts'
import { pageHeaders } from './security-headers.ts'

// The pages that a problem's `type` leads to, for the person who meets it.

const style = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}`
const styleHash = createHash('sha256').update(style).digest('base64')
const headers = {
  ...pageHeaders([`style-src 'sha256-${styleHash}'`]),
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'public, max-age=3600',
}

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
          `<li><a href="/problems/${code}"><code>${code}</code></a>: ${html(problems[code].title)}</li>`,
      )
      return sendPage(reply, 'Problems', `<ul>${items.join('')}</ul>`)
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
      return sendPage(reply, title, `${text}<p><a href="/problems">All problems</a></p>`)
    },
  },
]

function sendPage(reply: FastifyReply, title: string, body: string): FastifyReply {
  return reply
    .headers(headers)
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${html(title)} – Duly</title><style>${style}</style><h1>${html(title)}</h1>${body}</html>`,
    )
}

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text as HTML; what stands between backticks is code. */
function html(text: string): string {
  return text.replaceAll(/[&<>"]/g, mark => marks[mark] ?? mark).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}
