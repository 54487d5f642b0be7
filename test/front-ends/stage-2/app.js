import { diagnose, isRefusedSoon } from '../diagnose.js'
import { start } from '../page.js'
import { answerOf, strict } from '../strict.js'
import contract from './contract.json' with { type: 'json' }

// Keeps its session in memory, so that a reload signs out. Sends the whole task on every edit.

const check = strict(contract)
const base = new URLSearchParams(location.search).get('api')
let session
const collection = () => contract.collection.replace('{user_id}', encodeURIComponent(session.user.id))

async function send(method, path, { token = session?.token, json, raw = json && JSON.stringify(json) } = {}) {
  const request = new Request(base + path, { method, body: raw ?? null, credentials: 'include' })
  if (raw) request.headers.set('Content-Type', 'application/json')
  if (token) request.headers.set('Authorization', `Bearer ${token}`)
  const response = await fetch(request)
  return answerOf({
    call: `${method} ${path}`,
    status: response.status,
    type: response.headers.get('Content-Type'),
    retryAfter: response.headers.get('Retry-After'),
    text: await response.text(),
  })
}

async function signedIn(answer, status) {
  session = check.session(answer, status)
  return check.profile(await send('POST', '/api/auth/verify')).user
}

async function put(task, changes) {
  const whole = { ...task, ...changes }
  const changed = check.task(await send('PUT', `${collection()}/${task.id}`, { json: whole }))
  // The word in status follows the flag.
  const { updated_at, status, ...rest } = whole
  return check.asSent(whole.complete === task.complete ? { ...rest, status } : rest, changed)
}

start({
  priorities: ['Low', 'Medium', 'High'],
  isDone: task => task.complete,

  signUp: async ({ name, email, password }) =>
    signedIn(await send('POST', '/api/auth/register', { json: { full_name: name, email, password } }), 201),
  signIn: async ({ email, password }) =>
    signedIn(await send('POST', '/api/auth/signin', { json: { email, password } }), 200),
  async resume() {
    session = undefined
  },
  async signOut() {
    const { token } = session
    const path = collection()
    check.signedOut(await send('POST', '/api/auth/signout'))
    await isRefusedSoon(() => send('GET', path, { token }))
    session = undefined
  },

  async list({ state, priority, search }) {
    const query = new URLSearchParams({ q: search, priority, sort: '-created_at' })
    if (state !== 'all') query.set('completed', String(state === 'completed'))
    return check.tasks(await send('GET', `${collection()}?${query}`))
  },
  async create(fields) {
    check.asSent(fields, check.task(await send('POST', collection(), { json: fields }), 201))
  },
  edit: put,
  complete: (task, complete) => put(task, { complete }),
  remove: async ({ id }) => check.deleted(await send('DELETE', `${collection()}/${id}`), id),
  diagnose: () => diagnose(contract, check, send, collection()),
})
