import type { FastifyReply, FastifyRequest } from 'fastify'

export type Outcome =
  | { readonly isDone: true; readonly cookies: readonly string[]; readonly location: string }
  | { readonly isDone: false; readonly status: number; readonly code: string; readonly message: string }

/** Calls `/api/auth/…` for the client, without its cookies, with rate limits and audit log. */
export async function call(
  request: FastifyRequest,
  method: 'GET' | 'POST',
  path: string,
  payload?: object,
): Promise<Outcome> {
  const { 'user-agent': agent = '' } = request.headers
  const { statusCode, headers, body } = await request.server.inject({
    method,
    url: `/api/auth${path}`,
    remoteAddress: request.ip,
    headers: { 'user-agent': agent },
    ...(payload ? { payload } : {}),
  })
  if (statusCode < 400) {
    return { isDone: true, cookies: [headers['set-cookie'] ?? []].flat(), location: headers.location ?? '' }
  }
  const { code = '', message = 'Please try again.' } = JSON.parse(body) as { code?: string; message?: string }
  const status = [429, 500, 503].includes(statusCode) ? statusCode : 400
  return { isDone: false, status, code, message }
}

/** Sets the cookies of a successful call. */
export function setCookies(reply: FastifyReply, outcome: Outcome): void {
  if (outcome.isDone) for (const cookie of outcome.cookies) reply.header('set-cookie', cookie)
}
