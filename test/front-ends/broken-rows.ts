import type { Declared } from './declared.ts'

// One fault per row of a contract. A proxy injects it, and the program must detect it.

/** A request and its response, as they pass through the proxy. */
export interface Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  // biome-ignore-start lint/suspicious/noExplicitAny: any JSON
  sent: any
  status: number
  headers: Record<string, string | string[] | undefined>
  body: any
  // biome-ignore-end lint/suspicious/noExplicitAny: any JSON
}

type Change = (exchange: Exchange) => unknown

export interface Broken {
  readonly row: string
  /** What the user does until the program detects the fault. */
  readonly chapter: 'arrive' | 'work' | 'leave' | 'diagnose' | 'many' | 'away'
  readonly isFor: (exchange: Exchange) => boolean
  readonly request?: Change
  readonly answer?: Change
}

type Kind = (exchange: Exchange) => boolean

const both =
  (...kinds: Kind[]): Kind =>
  exchange =>
    kinds.every(kind => kind(exchange))
const status =
  (wanted: number): Kind =>
  exchange =>
    exchange.status === wanted
const failed: Kind = exchange => exchange.status >= 400
const auth =
  (names: string): Kind =>
  ({ path }) =>
    new RegExp(`^(/api)?/auth/(${names})$`).test(path)

// biome-ignore lint/suspicious/noExplicitAny: any JSON
const tasksIn = (body: any): Record<string, unknown>[] =>
  Array.isArray(body) ? body : (body?.tasks ?? [body?.task ?? body])
const holdsTasks: Kind = ({ status, body }) =>
  status < 300 && tasksIn(body).some(task => task && 'title' in task)

const rename =
  (from: string, to: string): Change =>
  ({ body }) => {
    body[to] = body[from]
    delete body[from]
  }
const set =
  (key: string, value: unknown): Change =>
  ({ body }) => {
    body[key] = value
  }
const answers =
  (status: number): Change =>
  exchange => {
    exchange.status = status
  }

/**
 * One fault per row of the contract.
 * @param turn the number of the program: rows that can be broken in several ways alternate
 */
export function brokenRows(contract: Declared, turn: number): Broken[] {
  const { flag, statuses, codes = {}, options, absentDescription: absent } = contract
  const has = (option: string) => options.includes(option)
  const pattern = contract.collection.replace('{user_id}', '[^/]+')
  const at = (methods: string, rest: string): Kind => {
    const path = new RegExp(`^${pattern}${rest}$`)
    return exchange => methods.split(' ').includes(exchange.method) && path.test(exchange.path)
  }
  const [list, create] = [at('GET', '/?'), at('POST', '/?')]
  const isAccepted: Kind = ({ status }) => status < 300
  const signUp = both(auth('signup|register'), isAccepted)
  const rows: Broken[] = []
  const answer = (row: string, isFor: Kind, change: Change, chapter: Broken['chapter'] = 'diagnose') =>
    rows.push({ row, chapter, isFor, answer: change })
  const request = (row: string, isFor: Kind, change: Change, chapter: Broken['chapter'] = 'diagnose') =>
    rows.push({ row, chapter, isFor, request: change })
  const task = (
    row: string,
    change: (task: Record<string, unknown>) => void,
    isFor = holdsTasks,
    chapter: Broken['chapter'] = 'diagnose',
  ) =>
    answer(
      row,
      isFor,
      ({ body }) => {
        for (const found of tasksIn(body)) change(found)
      },
      chapter,
    )
  const inTurn = (...ways: (() => void)[]) => ways[turn % ways.length]?.()

  answer('collection', list, exchange => {
    exchange.status = 404
    exchange.body = { detail: 'Not Found', error: 'Not Found' }
  })
  answer('operations: GET', at('GET', '/\\d+'), answers(405))
  answer('operations: PUT', at('PUT', '/\\d+'), answers(405))
  answer('operations: PATCH', at('PATCH', '/\\d+'), answers(405))
  answer('operations: DELETE', at('DELETE', '/\\d+'), answers(405))
  inTurn(
    () =>
      task('task: the flag', found => {
        found.done = found[flag]
        delete found[flag]
      }),
    () =>
      task('task: the form of a time', found => {
        found.created_at = String(found.created_at).replace('Z', '+00:00')
      }),
    () =>
      task('task: the id', found => {
        found.id = String(found.id)
      }),
    () =>
      task('task: the owner', found => {
        found.user_id = 'somebody'
      }),
  )
  task('description when absent', found => {
    if (found.description === absent) found.description = absent === null ? '' : null
  })
  request('create body: description', create, ({ sent }) => delete sent.description, 'work')
  if (contract.createsCompleted) request('create body: the flag', create, ({ sent }) => delete sent[flag])

  if (contract.list === 'bare' || has('bare-list'))
    answer('list: its shape', both(list, isAccepted), exchange => {
      exchange.body = { tasks: exchange.body, count: exchange.body.length }
    })
  else
    for (const key of Object.keys(contract.list))
      answer(`list: ${key}`, both(list, isAccepted), rename(key, `${key}_`))
  answer('list: newest first', both(list, isAccepted), ({ body }) => tasksIn(body).reverse())
  if (contract.window)
    request('list: its window', list, ({ query }) => {
      for (const name of [String(contract.window), 'limit']) query.delete(name)
    })
  task(
    'PUT',
    found => {
      found.description = contract.put === 'whole' ? 'Still there' : absent
    },
    both(at('PUT', '/\\d+'), isAccepted),
  )
  task(
    'PATCH on the task',
    found => {
      found.title = ''
    },
    both(at('PATCH', '/\\d+'), isAccepted),
  )
  if (contract.toggle)
    task(
      'toggle',
      found => {
        for (const name of new Set([flag, 'completed'])) if (name in found) found[name] = !found[name]
      },
      at('PATCH', '/\\d+/complete'),
    )
  answer('created', both(create, isAccepted), answers(200))
  answer('deleted', both(at('DELETE', '/\\d+'), isAccepted), exchange => {
    const isEmpty = exchange.status === 204
    exchange.status = isEmpty ? 200 : 204
    exchange.body = isEmpty ? {} : undefined
  })
  const limits = Object.entries(contract.longest).flatMap(([key, most]) => {
    const length = ({ sent }: Exchange) => [...String(sent?.[key] ?? '')].length
    const change =
      (value: string): Change =>
      ({ sent }) => {
        sent[key] = value
      }
    return [
      () =>
        request(
          `${key}: accepts more`,
          both(create, x => length(x) > most),
          change('x'.repeat(most)),
        ),
      () =>
        request(
          `${key}: accepts less`,
          both(create, x => length(x) === most),
          change('x'.repeat(most + 1)),
        ),
    ]
  })
  inTurn(...limits)
  inTurn(...limits.slice(2), ...limits)

  for (const [name, expected] of Object.entries(statuses)) {
    const other = expected === 422 ? 400 : 422
    const isSent = ({ sent }: Exchange) => sent !== undefined
    const isFor: Kind =
      {
        badToken: () => false,
        notJson: both(create, status(expected), exchange => !isSent(exchange)),
        broken: both(create, status(expected), isSent),
      }[name] ?? status(expected)
    if (name !== 'badToken')
      answer(`status: ${name}`, isFor, answers(other), name === 'databaseAway' ? 'away' : 'diagnose')
  }
  const isAway = status(Number(statuses.databaseAway))
  answer('Retry-After', isAway, ({ headers }) => delete headers['retry-after'], 'away')
  const keys = has('error-object') ? ['error', 'detail'] : Object.keys(contract.error)
  for (const key of keys) answer(`error body: ${key}`, failed, rename(key, `${key}_`))
  inTurn(
    () => answer('error body: a list', failed, set('detail', [{ msg: 'Not a string' }])),
    () => answer('error body: two messages', failed, set('detail', 'Another message.')),
  )
  for (const code of new Set(Object.values(codes)))
    answer(
      `error codes: ${code}`,
      ({ body }) => body?.error_code === code,
      set('error_code', 'OTHER'),
      code === codes.databaseAway ? 'away' : 'diagnose',
    )

  task(
    'extra fields: priority',
    found => {
      if (found.priority) found.priority = found.priority === 'high' ? 'HIGH' : 'high'
    },
    holdsTasks,
    'work',
  )
  task(
    'extra fields: due_date',
    found => {
      if (found.due_date) found.due_date = `${found.due_date}T00:00:00Z`
    },
    holdsTasks,
    'work',
  )
  for (const name of ['tags', 'category', 'status'])
    task(`extra fields: ${name}`, found => {
      delete found[name]
    })
  for (const names of [['status', 'completed', 'is_completed'], ['priority'], ['search', 'q']])
    request(
      `query: ${names[0]}`,
      list,
      ({ query }) => {
        for (const name of names) query.delete(name)
      },
      'work',
    )

  if (has('whole-list'))
    answer(
      'option: whole-list',
      both(list, isAccepted),
      ({ body }) => {
        body.has_more ||= body.tasks.length > 50
        body.tasks.splice(50)
      },
      'many',
    )
  if (has('counts')) answer('option: counts', both(list, isAccepted), set('pending_count', 1000))
  if (has('defaults'))
    task('option: defaults', found => {
      found.category = null
    })
  if (has('wrapped-task'))
    answer('option: wrapped-task', both(create, isAccepted), exchange => {
      exchange.body = exchange.body.task
    })
  if (has('error-object'))
    answer('option: error-object', failed, ({ body }) => {
      body.error = body.detail
    })

  const signIn = auth('login|signin')
  answer('sign-up: its status', signUp, answers(200), 'arrive')
  answer('sign-in: refused', both(signIn, status(401)), answers(400), 'arrive')
  const session = ['access_token', 'token', 'token_type', 'expires_in', 'expires_at', 'user']
  for (const key of session.filter((_, n) => n % 4 === turn || n % 3 === turn))
    answer(`session: ${key}`, signUp, rename(key, `${key}_`), 'arrive')
  answer('session: its user', signUp, ({ body }) => delete body.user.username, 'arrive')
  answer('sign-in: its status', both(signIn, isAccepted), answers(201), 'leave')
  answer('profile', auth('me|profile|verify'), rename('authenticated', 'ok'), 'leave')
  answer('sign-out: its body', auth('logout|signout'), set('success', false), 'leave')
  answer(
    'sign-out: the token ends',
    both(list, status(401)),
    exchange => {
      exchange.status = 200
      exchange.body = []
    },
    'leave',
  )
  answer('content type', both(list, isAccepted), ({ headers }) => {
    headers['content-type'] = 'text/plain'
  })
  answer('CORS', list, ({ headers }) => delete headers['access-control-allow-origin'])
  return rows
}
