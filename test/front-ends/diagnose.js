import { Unexpected } from './strict.js'

// The rows of the contract that no click of a user shows: rejected requests, limits, and details.

const isSame = (what, found, expected) => {
  const [is, wanted] = [found, expected].map(value => JSON.stringify(value))
  if (is !== wanted) throw new Unexpected(`${what} is ${is}, not ${wanted}`)
}

/** @param send sends a request with the user's token, unless `token` is another one or null */
export async function diagnose(contract, check, send, collection) {
  const create = async json => check.task(await send('POST', collection, { json }), 201)
  const change = async (method, id, json) => check.task(await send(method, `${collection}/${id}`, { json }))
  const refused = async (name, method, path, options) =>
    check.refused(await send(method, path, options), name)

  await refused('missingToken', 'GET', collection, { token: null })
  await refused('badToken', 'GET', collection, { token: 'a.b.c' })
  await refused('missing', 'GET', `${collection}/9007199254740991`)
  await refused('broken', 'POST', collection, { json: { title: ' ' } })
  await refused('notJson', 'POST', collection, { raw: '{' })
  if (contract.statuses.forbidden) await refused('forbidden', 'GET', '/api/somebody-else/tasks')

  const { title, description } = contract.longest
  const longest = { title: '🐑'.repeat(title), description: 'x'.repeat(description) }
  for (const [name, value] of Object.entries(longest))
    await refused('broken', 'POST', collection, { json: { ...longest, [name]: `${value}x` } })
  const { id } = check.asSent(longest, await create(longest))
  const first = `${collection}/${id}`
  isSame('the task alone', check.task(await send('GET', first)).id, id)
  const plain = await create({ title: 'Plain' })
  isSame('an absent description', plain.description, contract.absentDescription)
  isSame('the list', await listed(''), [plain.id, id])
  isSame('the list with a slash', await listed('/'), [plain.id, id])
  if (contract.window) isSame('a part of the list', await listed(`?${contract.window}=1&limit=1`), [id])

  if (contract.put === 'whole') {
    await refused('broken', 'PUT', first, { json: { title: 'Short' } })
    const whole = await change('PUT', id, { title: 'Short', [contract.flag]: true })
    isSame('the replaced task', [whole.description, whole[contract.flag]], [null, true])
    await refused('emptyPatch', 'PATCH', first, { json: {} })
    isSame('the patched task', (await change('PATCH', id, { [contract.flag]: false })).title, 'Short')
  } else {
    const renamed = await change('PUT', id, { title: 'Short' })
    isSame('the description', renamed.description, longest.description)
    isSame('the patched task', (await change('PATCH', id, { [contract.flag]: true })).title, 'Short')
  }
  if (contract.toggle) {
    const was = check.task(await send('GET', first))[contract.flag]
    const flipped = check.task(await send('PATCH', `${first}/complete`))
    isSame('the flag after a toggle', flipped[contract.flag], !was)
  }
  if (contract.createsCompleted) {
    const done = await create({ title: 'Done', [contract.flag]: true })
    isSame('the flag of a new task', done[contract.flag], true)
    check.deleted(await send('DELETE', `${collection}/${done.id}`), done.id)
  }
  for (const made of [id, plain.id]) check.deleted(await send('DELETE', `${collection}/${made}`), made)
  await refused('missing', 'DELETE', first)
  isSame('the last list', await listed(''), [])

  async function listed(query) {
    const tasks = check.tasks(await send('GET', `${collection}${query}`))
    return tasks.filter(task => task.id >= (id ?? 0)).map(task => task.id)
  }
}

/** A token must be rejected soon after its user has signed out. */
export async function isRefusedSoon(ask) {
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    if ((await ask()).status === 401) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Unexpected('the token of a user who signed out still works')
}
