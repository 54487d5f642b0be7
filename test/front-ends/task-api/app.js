import { diagnose, isRefusedSoon } from '../diagnose.js'
import { start } from '../page.js'
import { answerOf, strict } from '../strict.js'
import contract from './contract.json' with { type: 'json' }

// Stores its token in localStorage, and reads the user's id from it with atob. Sends only changes.

const check = strict(contract)
const base = new URLSearchParams(location.search).get('api')
const stored = () => localStorage.getItem('token')
const collection = () => {
  const { sub } = JSON.parse(atob(stored().split('.')[1]))
  return contract.collection.replace('{user_id}', encodeURIComponent(sub))
}

async function send(method, path, { token = stored(), json, raw = json && JSON.stringify(json) } = {}) {
  const headers = {
    'Content-Type': 'application/json',
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
  }
  const response = await fetch(base + path, { method, headers, ...(raw ? { body: raw } : {}) })
  return answerOf({
    call: `${method} ${path}`,
    status: response.status,
    type: response.headers.get('Content-Type'),
    retryAfter: response.headers.get('Retry-After'),
    text: await response.text(),
  })
}

function signedIn({ access_token, user }) {
  localStorage.setItem('token', access_token)
  return user
}

start({
  priorities: ['low', 'medium', 'high'],
  isDone: task => task.is_completed,

  signUp: async ({ name, email, password }) =>
    signedIn(check.session(await send('POST', '/api/auth/signup', { json: { name, email, password } }), 201)),
  signIn: async ({ email, password }) =>
    signedIn(check.session(await send('POST', '/api/auth/login', { json: { email, password } }), 200)),
  resume: async () => (stored() ? check.profile(await send('GET', '/api/auth/me')) : undefined),
  async signOut() {
    const [token, path] = [stored(), collection()]
    check.signedOut(await send('POST', '/api/auth/logout'))
    await isRefusedSoon(() => send('GET', path, { token }))
    localStorage.removeItem('token')
  },

  async list({ state, priority, search }) {
    const query = new URLSearchParams({ status: state, priority, search, sort: 'default' })
    return check.tasks(await send('GET', `${collection()}?${query}`))
  },
  async create(fields) {
    const sent = { ...fields, ...(fields.tags ? { tags: fields.tags.split(', ') } : {}) }
    check.asSent(sent, check.task(await send('POST', collection(), { json: sent }), 201))
  },
  async edit({ id }, fields) {
    check.asSent(fields, check.task(await send('PUT', `${collection()}/${id}`, { json: fields })))
  },
  async complete({ id }, done) {
    const task = check.task(await send('PATCH', `${collection()}/${id}/complete`))
    check.asSent({ is_completed: done }, task)
  },
  remove: async ({ id }) => check.deleted(await send('DELETE', `${collection()}/${id}`), id),
  diagnose: () => diagnose(contract, check, send, collection()),
})
