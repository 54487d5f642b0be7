import { diagnose, isRefusedSoon } from '../diagnose.js'
import { start } from '../page.js'
import { answerOf, strict } from '../strict.js'
import contract from './contract.json' with { type: 'json' }

// Uses XMLHttpRequest, as axios does, and the form of OAuth 2; stores token and user in
// localStorage.

const check = strict(contract)
const base = new URLSearchParams(location.search).get('api')
const stored = name => localStorage.getItem(name)
const collection = () => contract.collection.replace('{user_id}', stored('user_id'))

function send(method, path, { token = stored('token'), json, raw = json && JSON.stringify(json) } = {}) {
  const request = new XMLHttpRequest()
  request.open(method, base + path)
  if (typeof raw === 'string') request.setRequestHeader('Content-Type', 'application/json')
  if (token) request.setRequestHeader('Authorization', `Bearer ${token}`)
  return new Promise((resolve, reject) => {
    request.onerror = () => reject(new TypeError(`Network Error: ${method} ${path}`))
    request.onload = () => resolve(request)
    request.send(raw)
  }).then(({ status, responseText: text }) =>
    answerOf({
      call: `${method} ${path}`,
      status,
      type: request.getResponseHeader('Content-Type'),
      retryAfter: request.getResponseHeader('Retry-After'),
      text,
    }),
  )
}

function signedIn({ token, user }) {
  localStorage.setItem('token', token)
  localStorage.setItem('user_id', user.id)
  return user
}

start({
  priorities: ['LOW', 'MEDIUM', 'HIGH'],
  isDone: task => task.completed,

  async signUp({ name, email, password }) {
    const [first_name, last_name] = name.split(' ')
    const json = { first_name, last_name, email, password }
    return signedIn(check.session(await send('POST', '/auth/register', { json, token: null }), 201))
  },
  async signIn({ email, password }) {
    const raw = new URLSearchParams({ username: email, password })
    return signedIn(check.session(await send('POST', '/auth/login', { raw, token: null }), 200))
  },
  resume: async () => (stored('token') ? check.profile(await send('GET', '/auth/me')).user : undefined),
  async signOut() {
    const [token, path] = [stored('token'), collection()]
    check.signedOut(await send('POST', '/auth/logout'))
    await isRefusedSoon(() => send('GET', path, { token }))
    localStorage.clear()
  },

  async list({ state, priority, search }) {
    const given = Object.entries({ status: state, priority, search }).filter(([, value]) => value)
    const query = new URLSearchParams([...given, ['sort_by', 'created_at'], ['sort_order', 'desc']])
    return check.tasks(await send('GET', `${collection()}?${query}`))
  },
  async create(fields) {
    const tags = fields.tags?.split(', ').map(name => ({ name }))
    const sent = { ...fields, ...(tags ? { tags } : {}) }
    check.asSent(sent, check.task(await send('POST', collection(), { json: sent }), 201))
  },
  async edit({ id }, fields) {
    const json = { ...fields, description: fields.description || null }
    check.asSent(json, check.task(await send('PATCH', `${collection()}/${id}`, { json })))
  },
  async complete({ id }, completed) {
    const answer = await send('PATCH', `${collection()}/${id}/complete`, { json: { completed } })
    check.asSent({ completed }, check.task(answer))
  },
  remove: async ({ id }) => check.deleted(await send('DELETE', `${collection()}/${id}`), id),
  diagnose: () => diagnose(contract, check, send, collection()),
})
