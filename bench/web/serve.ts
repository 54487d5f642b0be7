import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

const root = new URL('../../../', import.meta.url)
const types: Readonly<Record<string, string>> = {
  html: 'text/html',
  css: 'text/css',
  js: 'text/javascript',
  mjs: 'text/javascript',
}

/**
 * Serves the bare list at `/bare/` and passes everything else on to Duly, so that both are pages of
 * one origin and call the same server in the same way.
 */
export async function serve(duly: string) {
  const files = new Map<string, readonly [type: string, body: Buffer]>()
  const add = (name: string, path: string) =>
    files.set(name, [types[path.split('.').at(-1) ?? ''] ?? '', readFileSync(new URL(path, root))])
  add('/bare/', 'bench/web/bare/index.html')
  add('/bare/bare.css', 'bench/web/bare/bare.css')
  add('/bare/bare.js', 'bench/web/bare/bare.js')
  add('/bare/preact.mjs', 'web/node_modules/preact/dist/preact.mjs')
  const { hostname, port } = new URL(duly)
  const server = createServer((given, reply) => {
    const { url: path = '', method, headers } = given
    const found = files.get(path)
    if (found) return reply.writeHead(200, { 'content-type': found[0] }).end(found[1])
    const onward = request({ hostname, port, path, method, headers }, answer => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(reply)
    })
    onward.on('error', () => reply.destroy())
    reply.on('close', () => onward.destroy())
    return given.pipe(onward)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
