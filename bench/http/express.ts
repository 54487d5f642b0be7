import { createSecretKey } from 'node:crypto'
import express, { type NextFunction, type Request, type Response } from 'express'
import jwt from 'jsonwebtoken'
import pg from 'pg'

// The task-api contract as it is usually written: Express, jsonwebtoken and a pool of `pg`, without
// revisions and without a log. jsonwebtoken creates a key from a text secret in every call;
// `prepared` passes the key instead.
//
// usage: node express.js DATABASE_URL SECRET [prepared]; prints the URL that it listens on.

const [, , connectionString = '', secret = '', tuning] = process.argv
const key = tuning === 'prepared' ? createSecretKey(Buffer.from(secret)) : secret
const pool = new pg.Pool({ connectionString, max: 20 })
const app = express()

interface Row {
  id: string
  user_id: string
  title: string
  description: string | null
  is_completed: boolean
  priority: string | null
  due_date: string | null
  tags: string[]
  category: string | null
  status: string | null
  created_at: Date
  updated_at: Date
}

interface Path {
  userId: string
  id: string
}

function authenticate(request: Request<Path>, response: Response, next: NextFunction): void {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  if (scheme !== 'Bearer' || token === undefined) {
    response.status(401).json({ detail: 'Not authenticated' })
    return
  }
  try {
    const claims = jwt.verify(token, key, { algorithms: ['HS256'] })
    if (claims.sub !== request.params.userId) {
      response.status(403).json({ detail: 'Forbidden' })
      return
    }
  } catch {
    response.status(401).json({ detail: 'Invalid token' })
    return
  }
  next()
}

function toTask(row: Row): object {
  const completed = row.is_completed
  const status = row.status ?? (completed ? 'completed' : 'pending')
  return { ...row, id: Number(row.id), description: row.description ?? '', completed, status }
}

function answer(response: Response, row: Row | undefined, status = 200): void {
  if (row) response.status(status).json(toTask(row))
  else response.status(404).json({ detail: 'Task not found' })
}

app.use(express.json())

app.get('/health', async (_request, response) => {
  await pool.query('SELECT 1')
  response.json({ status: 'ok' })
})

app.get('/api/:userId/tasks', authenticate, async (request: Request<Path>, response) => {
  const { userId } = request.params
  const limit = Number(request.query.limit ?? 50)
  const offset = Number(request.query.offset ?? 0)
  const count = await pool.query<{ count: string }>('SELECT COUNT(*) FROM tasks WHERE user_id = $1', [userId])
  const { rows } = await pool.query<Row>(
    'SELECT * FROM tasks WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3',
    [userId, limit, offset],
  )
  const total = Number(count.rows[0]?.count)
  const has_more = offset + rows.length < total
  response.json({ tasks: rows.map(toTask), total, count: total, limit, offset, has_more })
})

app.post('/api/:userId/tasks', authenticate, async (request: Request<Path>, response) => {
  const { title, description } = request.body
  if (typeof title !== 'string' || title.trim() === '' || title.length > 500) {
    response.status(422).json({ detail: 'Title is required' })
    return
  }
  const { rows } = await pool.query<Row>(
    'INSERT INTO tasks (user_id, title, description) VALUES ($1, $2, $3) RETURNING *',
    [request.params.userId, title.trim(), description ?? null],
  )
  answer(response, rows[0], 201)
})

app.get('/api/:userId/tasks/:id', authenticate, async (request: Request<Path>, response) => {
  const { userId, id } = request.params
  const { rows } = await pool.query<Row>('SELECT * FROM tasks WHERE user_id = $1 AND id = $2', [userId, id])
  answer(response, rows[0])
})

app.put('/api/:userId/tasks/:id', authenticate, async (request: Request<Path>, response) => {
  const { userId, id } = request.params
  const { title, description } = request.body
  const { rows } = await pool.query<Row>(
    `UPDATE tasks SET title = COALESCE($3, title), description = COALESCE($4, description), updated_at = NOW()
     WHERE user_id = $1 AND id = $2 RETURNING *`,
    [userId, id, title ?? null, description ?? null],
  )
  answer(response, rows[0])
})

app.patch('/api/:userId/tasks/:id/complete', authenticate, async (request: Request<Path>, response) => {
  const { userId, id } = request.params
  const { rows } = await pool.query<Row>(
    `UPDATE tasks SET is_completed = NOT is_completed, updated_at = NOW()
     WHERE user_id = $1 AND id = $2 RETURNING *`,
    [userId, id],
  )
  answer(response, rows[0])
})

app.delete('/api/:userId/tasks/:id', authenticate, async (request: Request<Path>, response) => {
  const { userId, id } = request.params
  const { rowCount } = await pool.query('DELETE FROM tasks WHERE user_id = $1 AND id = $2', [userId, id])
  response.status(rowCount === 1 ? 204 : 404).end()
})

const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address)
    process.stdout.write(`listening on http://127.0.0.1:${address.port}\n`)
})
