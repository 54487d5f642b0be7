// Checks every response of a server against contract.json of the program.

/** A response that the contract does not describe. */
export class Unexpected extends Error {}

/** An error response that the contract describes. */
export class Refused extends Error {
  constructor(answer, message, code) {
    super(message)
    this.status = answer.status
    this.retryAfter = answer.retryAfter
    this.code = code
  }
}

const isText = value => typeof value === 'string'
const isCount = value => Number.isSafeInteger(value) && value >= 0
const isTime = value => isText(value) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)

const kinds = {
  text: isText,
  'text or null': value => value === null || isText(value),
  texts: value => Array.isArray(value) && value.every(isText),
  list: Array.isArray,
  'text or number': value => isText(value) || isCount(value),
  flag: value => typeof value === 'boolean',
  true: value => value === true,
  id: value => isCount(value) && value > 0,
  count: isCount,
  time: isTime,
  bearer: value => value === 'bearer',
}

const extraFields = {
  priority: 'text or null',
  due_date: 'text or null',
  tags: 'texts',
  category: 'text or null',
  status: 'text',
}

const person = { id: 'text', email: 'text', name: 'text', username: 'text', created_at: 'time' }
const session = {
  access_token: 'text',
  token: 'text',
  token_type: 'bearer',
  expires_in: 'count',
  expires_at: 'time',
  user: person,
}
const profile = { ...person, valid: 'true', authenticated: 'true', user_id: 'text', user: person }

/** Fails if `value` has other keys than `shape`, or a value of another kind. */
function hasShape(value, shape, fail) {
  if (typeof shape === 'string') return kinds[shape](value) || fail(`${JSON.stringify(value)} is no ${shape}`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('is no object')
  const [keys, expected] = [value, shape].map(item => Object.keys(item).sort().join())
  if (keys !== expected) return fail(`has the keys ${keys}, not ${expected}`)
  for (const [key, kind] of Object.entries(shape)) hasShape(value[key], kind, why => fail(`${key} ${why}`))
  return true
}

/** The response to `fetch` or XMLHttpRequest, with its body parsed. */
export function answerOf({ call, status, type, retryAfter, text }) {
  const answer = { call, status, retryAfter, text }
  if (text === '') return answer
  if (!/^application\/json(;|$)/.test(type ?? '')) throw new Unexpected(`${call} answered as ${type}`)
  return { ...answer, body: JSON.parse(text) }
}

export function strict(contract) {
  const has = option => contract.options.includes(option)
  const task = { ...contract.task, ...extraFields }
  const counters = has('counts') ? { completed_count: 'count', pending_count: 'count' } : {}
  const list = contract.list === 'bare' || has('bare-list') ? 'list' : { ...contract.list, ...counters }
  const deletion = has('delete-body')
    ? { status: 200, body: { success: 'true', message: 'text', id: 'id' } }
    : contract.deleted
  const refusals = [...Object.values(contract.statuses), 409]
  const { error } = contract

  const failing = answer => why => {
    throw new Unexpected(`${answer.call} answered ${answer.status} ${answer.text.slice(0, 400)}: ${why}`)
  }

  /**
   * The body of a response that must have this status; any other must be an error of the contract.
   */
  function expect(answer, status, shape) {
    if (answer.status !== status) throw refusal(answer, status)
    if (shape) hasShape(answer.body, shape, failing(answer))
    else if (answer.text !== '') failing(answer)('has a body')
    return answer.body
  }

  function refusal(answer, expected) {
    const fail = failing(answer)
    if (answer.status < 400 || !refusals.includes(answer.status)) fail(`expected ${expected}`)
    const { errors, ...body } = Object(answer.body)
    if (errors !== undefined)
      for (const item of errors) hasShape(item, { field: 'text', message: 'text' }, fail)
    if (has('error-object')) {
      hasShape(body, { error: { code: 'text', message: 'text', details: 'list' }, detail: 'text' }, fail)
      if (body.error.message !== body.detail) fail('has two messages')
      return new Refused(answer, body.detail, body.error.code)
    }
    hasShape(body, error, fail)
    if (body.detail !== body.error || body.detail === '') fail('has two messages or an empty one')
    return new Refused(answer, body.detail, body.error_code)
  }

  function isTask(found, fail) {
    hasShape(found, task, fail)
    if ('completed' in found && found.completed !== found[contract.flag]) fail('has two flags that differ')
    if (found.description === (contract.absentDescription === null ? '' : null)) fail('has another absence')
    if (has('defaults') && (found.priority === null || found.category === null)) fail('has no default')
    if (found.updated_at < found.created_at) fail('was changed before it was created')
    return found
  }

  return {
    task(answer, status = 200) {
      const wrapped = has('wrapped-task') ? { task } : task
      const body = expect(answer, status, wrapped)
      return isTask(has('wrapped-task') ? body.task : body, failing(answer))
    },

    tasks(answer) {
      const body = expect(answer, 200, list)
      const fail = failing(answer)
      const tasks = list === 'list' ? body : body.tasks
      for (const found of tasks) isTask(found, fail)
      if (list === 'list') return tasks
      const { count = tasks.length, total = count, has_more = false } = body
      if (count !== total || total < tasks.length || has_more !== total > body.offset + tasks.length)
        fail('does not count its tasks')
      if (has('counts') && body.completed_count + body.pending_count !== total) fail('does not add up')
      return tasks
    },

    deleted(answer, id) {
      const body = expect(answer, deletion.status, deletion.body)
      if (body?.id !== undefined && body.id !== id) failing(answer)('names another task')
    },

    /** Checks that every field has the value that was sent; tags are an array. */
    asSent(sent, found) {
      const wanted = { ...sent, ...(sent.tags ? { tags: namesOf(sent.tags) } : {}) }
      for (const [key, value] of Object.entries(wanted)) {
        const same = JSON.stringify(found[key]) === JSON.stringify(value)
        if (!same) throw new Unexpected(`${key} was sent as ${JSON.stringify(value)} and is ${found[key]}`)
      }
      return found
    },

    session(answer, status) {
      const body = expect(answer, status, session)
      if (body.access_token !== body.token) failing(answer)('has two tokens')
      const lasts = (Date.parse(body.expires_at) - Date.now()) / 86_400_000
      if (lasts < 6.9 || lasts > 7.1 || Math.abs(body.expires_in / 86_400 - lasts) > 0.1)
        failing(answer)('does not last for seven days')
      return body
    },

    profile(answer) {
      const body = expect(answer, 200, profile)
      if (body.user_id !== body.id || body.user.id !== body.id) failing(answer)('has two users')
      return body
    },

    signedOut: answer => expect(answer, 200, { success: 'true' }),

    /** Fails if the response is anything but this error. */
    refused(answer, name) {
      const status = contract.statuses[name]
      if (answer.status !== status) failing(answer)(`expected ${status}`)
      const { code, message } = refusal(answer, status)
      const expected = contract.codes?.[name]
      if (expected !== undefined && code !== expected) failing(answer)(`expected the code ${expected}`)
      return message
    },
  }
}

const namesOf = tags =>
  Array.isArray(tags) ? tags.map(tag => tag.name ?? tag) : tags.split(',').map(tag => tag.trim())
