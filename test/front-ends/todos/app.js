import { diagnose, isRefusedSoon } from '../diagnose.js'
import { start } from '../page.js'
import { answerOf, strict } from '../strict.js'
import contract from './contract.json' with { type: 'json' }

// A board whose columns are words in capitals, sent and read as `status`.

const check = strict(contract)
const base = new URLSearchParams(location.search).get('api')
const stored = () => sessionStorage.getItem('access_token')

const send = (method, path, { token = stored(), json, raw = json && JSON.stringify(json) } = {}) =>
  fetch(base + path, {
    method,
    headers: [...(raw ? [['content-type', 'application/json']] : []), ...(token ? [bearer(token)] : [])],
    body: raw,
  }).then(async response =>
    answerOf({
      call: `${method} ${path}`,
      status: response.status,
      type: response.headers.get('content-type'),
      retryAfter: response.headers.get('retry-after'),
      text: await response.text(),
    }),
  )
const bearer = token => ['authorization', `Bearer ${token}`]

function signedIn({ access_token, user }) {
  sessionStorage.setItem('access_token', access_token)
  return user
}

const move = async (id, status) => {
  const answer = await send('PUT', `${contract.collection}/${id}`, { json: { status } })
  check.asSent({ status, is_completed: status === 'DONE' }, check.task(answer))
}

start({
  priorities: ['P3', 'Normal', 'URGENT'],
  isDone: todo => todo.is_completed,
  columnOf: todo => todo.status,

  async signUp({ name, email, password }) {
    const json = { username: name, email, password }
    return signedIn(check.session(await send('POST', '/auth/signup', { json }), 201))
  },
  async signIn({ email, password }) {
    const json = { username: email, password }
    return signedIn(check.session(await send('POST', '/auth/signin', { json }), 200))
  },
  resume: async () => (stored() ? check.profile(await send('GET', '/auth/profile')).user : undefined),
  async signOut() {
    const token = stored()
    check.signedOut(await send('POST', '/auth/logout'))
    await isRefusedSoon(() => send('GET', contract.collection, { token }))
    sessionStorage.clear()
  },

  async list({ state, priority, search }) {
    const query = new URLSearchParams({ priority, search, sort: 'created', order: 'desc' })
    if (state !== 'all') query.set('is_completed', String(state === 'completed'))
    return check.tasks(await send('GET', `${contract.collection}?${query}`))
  },
  async create(fields) {
    const sent = { ...fields, status: 'TO_DO' }
    check.asSent(sent, check.task(await send('POST', contract.collection, { json: sent }), 201))
  },
  async edit({ id, status }, fields) {
    const answer = await send('PUT', `${contract.collection}/${id}`, { json: fields })
    check.asSent({ ...fields, status }, check.task(answer))
  },
  async complete({ id }, done) {
    if (done) await move(id, 'IN_PROGRESS')
    await move(id, done ? 'DONE' : 'TO_DO')
  },
  remove: async ({ id }) => check.deleted(await send('DELETE', `${contract.collection}/${id}`), id),
  diagnose: () => diagnose(contract, check, send, contract.collection),
})
