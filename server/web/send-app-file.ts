import type { FastifyReply, FastifyRequest } from 'fastify'
import { isKnown } from '../http/conditional.ts'
import { pageHeaders } from '../http/security-headers.ts'
import type { AppFile } from './app-files.ts'

// Scripts and styles come from files only. The policy "duly" admits one script URL: the service
// worker's.
const headers = pageHeaders([
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "require-trusted-types-for 'script'",
  'trusted-types duly',
])

/** Sends a file in the smallest encoding that the client accepts. */
export function sendAppFile(request: FastifyRequest, reply: FastifyReply, file: AppFile): FastifyReply {
  const encoding = encodingOf(request.headers['accept-encoding'])
  const bytes = file.bytes[encoding]
  const varies = reply.getHeader('vary')
  reply.headers({ ...headers, ...file.headers })
  reply.header('vary', varies === undefined ? 'Accept-Encoding' : `${varies}, Accept-Encoding`)
  if (isKnown(request, file.headers.etag)) return reply.code(304).send()
  if (bytes !== file.bytes.identity) reply.header('content-encoding', encoding)
  return reply.send(bytes)
}

function encodingOf(accepted = ''): 'identity' | 'gzip' | 'br' {
  const accepts = (name: string) =>
    accepted.split(',').some(part => {
      const [coding = '', quality = ''] = part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/)
      return coding === name && !/^q=0(?:\.0*)?$/.test(quality)
    })
  return accepts('br') ? 'br' : accepts('gzip') ? 'gzip' : 'identity'
}
