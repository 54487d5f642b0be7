import type { FastifyReply } from 'fastify'
import { preferred } from '../http/accept.ts'
import { sendJson } from '../http/json-reply.ts'
import type { Route } from '../http/route.ts'
import type { Answer } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import { version } from '../version.ts'
import { sendAppFile } from '../web/send-app-file.ts'
import { html, sendPage } from './html-page.ts'
import { icon } from './icon.ts'

// The front page, the icon, and the files that crawlers and security researchers expect.

const text: Answer = { description: 'The file.', mediaType: 'text/plain', schema: { type: 'string' } }
const oneHour = 'public, max-age=3600'
const link = { type: 'string', format: 'uri-reference' }

const front: Route = {
  method: 'GET',
  path: '/',
  operation: {
    id: 'showFront',
    summary: 'Show the front page',
    description:
      'The web app for browsers (`Accept: text/html`), or a page of links with `WEB=off`. Other clients get links as JSON.',
    answers: {
      304: { description: 'Not modified.' },
      200: {
        description: 'The web app, or links to the documentation, the OpenAPI document and the health check.',
        mediaType: ['application/json', 'text/html'],
        schema: {
          anyOf: [
            closed({
              service: { const: 'duly' },
              version: { type: 'string' },
              docs: link,
              openapi: link,
              health: link,
            }),
            { type: 'string' },
          ],
        },
      },
    },
  },
  handle(request, reply, { accounts, appFiles }) {
    const { base } = request.server
    const { accept } = request.headers
    const varies = reply.getHeader('vary')
    reply.header('vary', varies === undefined ? 'Accept' : `${varies}, Accept`)
    const types = {
      html: ['text/html', 'application/xhtml+xml'],
      json: ['application/json', 'application/*', '*/*'],
    }
    if (preferred(accept, types, 'json') === 'json') {
      const links = { docs: `${base}/docs`, openapi: `${base}/openapi.json`, health: `${base}/health` }
      return sendJson(reply, JSON.stringify({ service: 'duly', version, ...links }))
    }
    const app = appFiles?.get('index.html')
    if (app) return sendAppFile(request, reply, app)
    const links: readonly (readonly [path: string, label: string])[] = [
      ['/docs', accounts ? 'Try the API, sign up or sign in' : 'Try the API'],
      ['/openapi.json', 'OpenAPI document'],
      ['/problems', 'Error codes'],
      ['/health', 'Health'],
      ...(accounts ? ([['/reset-password', 'Reset your password']] as const) : []),
    ]
    const items = links.map(([path, label]) => `<li><a href="${base}${path}">${label}</a></li>`).join('\n')
    return sendPage(
      reply,
      'A task service',
      `<p>This server keeps your tasks for the apps that you use.</p>
<ul>
${items}
</ul>
<p class="quiet">Duly ${html(version)}</p>`,
    )
  },
}

const favicon: Route = {
  method: 'GET',
  path: '/favicon.ico',
  operation: {
    id: 'getIcon',
    summary: 'Get the icon',
    description: 'The icon that browsers show beside the title of a page.',
    answers: {
      200: { description: 'The icon.', mediaType: 'image/x-icon', schema: { type: 'string' } },
    },
  },
  handle: (_request, reply) => sendFile(reply, 'image/x-icon', icon),
}

const robots: Route = {
  method: 'GET',
  path: '/robots.txt',
  operation: {
    id: 'getRobots',
    summary: 'Get the rules for crawlers',
    description: 'Excludes all crawlers (RFC 9309).',
    answers: { 200: text },
  },
  handle: (_request, reply) => sendFile(reply, 'text/plain; charset=utf-8', 'User-agent: *\nDisallow: /\n'),
}

const dayMs = 24 * 60 * 60 * 1000

const securityTxt: Route = {
  method: 'GET',
  path: '/.well-known/security.txt',
  operation: {
    id: 'getSecurityTxt',
    summary: 'Get the contact for vulnerabilities',
    description: 'RFC 9116. The contact is the address in `MAIL_FROM`, else the URL of this server.',
    answers: { 200: text },
  },
  handle(request, reply, { config }) {
    const address = /[^\s<>]+@[^\s<>]+/.exec(config.mailFrom ?? '')?.[0]
    const here = `${config.publicUrl?.origin ?? `http://${request.host}`}${request.server.base}`
    const contact = address === undefined ? `${here}/` : `mailto:${address}`
    const expires = new Date(Math.ceil(Date.now() / dayMs + 180) * dayMs).toISOString()
    const lines = [
      `Contact: ${contact}`,
      `Expires: ${expires}`,
      'Preferred-Languages: en',
      `Canonical: ${here}/.well-known/security.txt`,
    ]
    // Not cached, because the host may come from the request.
    return reply.header('content-type', 'text/plain; charset=utf-8').send(`${lines.join('\n')}\n`)
  },
}

export const frontRoutes: readonly Route[] = [front, favicon, robots, securityTxt]

function sendFile(reply: FastifyReply, type: string, content: string | Buffer): FastifyReply {
  return reply.headers({ 'content-type': type, 'cache-control': oneHour }).send(content)
}
