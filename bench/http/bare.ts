import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import pg from 'pg'

// The lower bound: a program that does only the required work. `node:http` without a framework,
// pipelined `pg`, rows as text, a token that is verified once, and no validation, revisions or log.
// Its responses are those of task-api.
//
// usage: node bare.js DATABASE_URL SECRET; prints the URL that it listens on.

const [, , databaseUrl = '', secret = ''] = process.argv
const sessions = 4

type Answer = (error: Error | null, result: { rows: string[][] }) => void

const clients = await Promise.all(
  Array.from({ length: sessions }, async () => {
    const types = { getTypeParser: () => (value: string) => value }
    const client = new pg.Client({ connectionString: databaseUrl, pipeline: true, types })
    await client.connect()
    return client
  }),
)

let turn = 0
const corked = new Set<Duplex>()

function send(name: string, text: string, values: unknown[], answer: (rows: string[][]) => void): void {
  turn = (turn + 1) % sessions
  // The types of the driver lack its socket, and callbacks with rows as arrays.
  const client = clients[turn] as unknown as {
    connection: { stream: Duplex }
    query(config: object, values: unknown[], done: Answer): void
  }
  const { stream } = client.connection
  if (!corked.has(stream)) {
    corked.add(stream)
    stream.cork()
    setImmediate(() => {
      corked.delete(stream)
      stream.uncork()
    })
  }
  client.query({ name, text, rowMode: 'array' }, values, (error, result) => {
    if (error) throw error
    answer(result.rows)
  })
}

const columns = `id, title, description, is_completed, created_at at time zone 'UTC', updated_at at time zone 'UTC',
  priority, due_date, tags, category, status`
const statements = {
  page: `select (select count(*) from tasks where user_id = $1), ${columns} from tasks
    where user_id = $1 order by created_at desc, id desc limit $2 offset $3`,
  get: `select ${columns} from tasks where user_id = $1 and id = $2`,
  create: `insert into tasks (user_id, title, description) values ($1, $2, $3) returning ${columns}`,
  update: `update tasks set title = coalesce($3, title), description = coalesce($4, description), updated_at = now()
    where user_id = $1 and id = $2 returning ${columns}`,
  toggle: `update tasks set is_completed = not is_completed, updated_at = now()
    where user_id = $1 and id = $2 returning ${columns}`,
  remove: 'delete from tasks where user_id = $1 and id = $2 returning id',
}

const jsonOf = (text: string | null | undefined) => (text == null ? 'null' : JSON.stringify(text))

function taskJson(row: (string | null)[], user: string, from = 0): string {
  const time = (text?: string | null) => `${text?.slice(0, 10)}T${text?.slice(11)}Z`
  const [id, title, description, done, created, updated, priority, due, tags, category, status] =
    from === 0 ? row : row.slice(from)
  const isDone = done === 't'
  const state = status ?? (isDone ? 'completed' : 'pending')
  return `{"id":${id},"title":${JSON.stringify(title)},"description":${JSON.stringify(description ?? '')},"is_completed":${isDone},"completed":${isDone},"created_at":"${time(created)}","updated_at":"${time(updated)}","user_id":"${user}","priority":${jsonOf(priority)},"due_date":${jsonOf(due)},"tags":${tags},"category":${jsonOf(category)},"status":${JSON.stringify(state)}}`
}

const known = new Map<string, string>()

function userOf(header = ''): string | undefined {
  const user = known.get(header)
  if (user !== undefined) return user
  const [head = '', payload = '', signature = ''] = header.replace('Bearer ', '').split('.')
  const expected = createHmac('sha256', secret).update(`${head}.${payload}`).digest()
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }
  known.set(header, sub)
  return sub
}

function reply(response: ServerResponse, status: number, json: string): void {
  const type = 'application/json; charset=utf-8'
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(json) }).end(json)
}

const one =
  (response: ServerResponse, user: string, status = 200) =>
  (rows: string[][]) =>
    rows[0] ? reply(response, status, taskJson(rows[0], user)) : reply(response, 404, '{}')

function body(request: IncomingMessage, use: (json: { title: string; description?: string }) => void): void {
  let text = ''
  request.on('data', chunk => {
    text += chunk
  })
  request.on('end', () => use(JSON.parse(text)))
}

const server = createServer((request, response) => {
  const { method, url = '' } = request
  if (url === '/health') return send('ping', 'select 1', [], () => reply(response, 200, '{"status":"ok"}'))
  const user = userOf(request.headers.authorization)
  if (user === undefined) return reply(response, 401, '{}')
  const [path = '', query = ''] = url.split('?')
  const id = path.split('/')[4]
  if (method === 'GET' && id !== undefined)
    return send('get', statements.get, [user, id], one(response, user))
  if (method === 'GET') {
    const limit = Number(query.slice(6) || 50)
    return send('page', statements.page, [user, limit, 0], rows => {
      const total = Number(rows[0]?.[0] ?? 0)
      const list = rows.map(row => taskJson(row, user, 1)).join(',')
      reply(
        response,
        200,
        `{"tasks":[${list}],"total":${total},"count":${total},"limit":${limit},"offset":0,"has_more":${rows.length < total}}`,
      )
    })
  }
  if (method === 'POST') {
    return body(request, ({ title, description }) =>
      send('create', statements.create, [user, title, description ?? null], one(response, user, 201)),
    )
  }
  if (method === 'PUT') {
    return body(request, ({ title, description }) =>
      send('update', statements.update, [user, id, title, description ?? null], one(response, user)),
    )
  }
  if (method === 'PATCH') return send('toggle', statements.toggle, [user, id], one(response, user))
  return send('remove', statements.remove, [user, id], () => response.writeHead(204).end())
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address)
    process.stdout.write(`listening on http://127.0.0.1:${address.port}\n`)
})
