import { Refused } from './strict.js'

// The page that the four programs share: forms, a list and messages.

const at = id => document.getElementById(id)
const valuesOf = form => Object.fromEntries(new FormData(form))

document.body.innerHTML = `
  <p id="message" role="alert"></p>
  <pre id="complaints"></pre>
  <form id="account">
    <input name="name"><input name="email"><input name="password" type="password">
    <button id="sign-up" type="button">Sign up</button><button id="sign-in" type="button">Sign in</button>
  </form>
  <main hidden>
    <p><span id="who"></span> <button id="sign-out">Sign out</button></p>
    <form id="new">
      <input name="title"><input name="description"><select name="priority"></select>
      <input name="due_date"><input name="category"><input name="tags"><button type="button">Add</button>
    </form>
    <form id="filter">
      <select name="state"><option>all</option><option>completed</option><option>pending</option></select>
      <select name="priority"></select><input name="search"><button type="button">Show</button>
    </form>
    <ul id="tasks"></ul>
    <button id="diagnose">Diagnose</button>
  </main>
  <template>
    <li>
      <input class="title"><input class="description"><span class="priority"></span>
      <span class="due_date"></span><span class="category"></span><span class="tags"></span>
      <label><input class="done" type="checkbox"> Done</label> <span class="column"></span>
      <button class="save">Save</button><button class="remove">Delete</button>
    </li>
  </template>`

function complain(error) {
  at('complaints').append(`${error?.stack ?? error}\n`)
}
addEventListener('error', event => complain(event.error))
addEventListener('unhandledrejection', event => complain(event.reason))

/** Runs what the user requested, with `data-busy` set. Unexpected errors are complaints. */
async function act(work) {
  document.body.dataset.busy = ''
  const message = at('message')
  message.textContent = ''
  for (const name of ['status', 'retryAfter', 'code']) delete message.dataset[name]
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Refused)) complain(error)
    message.textContent = error.message
    const { status, retryAfter, code } = error
    Object.assign(message.dataset, { status, retryAfter, code })
  }
  delete document.body.dataset.busy
  document.dispatchEvent(new Event('idle'))
}

/** @param program what this front end sends; see README.md */
export function start(program) {
  const options = program.priorities.map(word => `<option>${word}</option>`).join('')
  for (const form of ['new', 'filter'])
    at(form).elements.priority.innerHTML = `<option value=""></option>${options}`

  const enter = async user => {
    at('who').textContent = user?.email ?? ''
    document.querySelector('main').hidden = !user
    at('account').hidden = Boolean(user)
    if (user) await refresh()
    else at('tasks').replaceChildren()
  }

  const refresh = async () => {
    const tasks = await program.list(valuesOf(at('filter')))
    at('tasks').replaceChildren(...tasks.map(itemOf))
  }

  const itemOf = task => {
    const item = document.querySelector('template').content.cloneNode(true).firstElementChild
    const part = name => item.querySelector(`.${name}`)
    for (const name of ['title', 'description']) part(name).value = task[name] ?? ''
    for (const name of ['priority', 'due_date', 'category']) part(name).textContent = task[name] ?? ''
    part('tags').textContent = task.tags.join()
    part('column').textContent = program.columnOf?.(task) ?? ''
    part('done').checked = program.isDone(task)
    const changed = work => () =>
      act(async () => {
        await work()
        await refresh()
      })
    part('done').onchange = changed(() => program.complete(task, part('done').checked))
    part('save').onclick = changed(() =>
      program.edit(task, { title: part('title').value, description: part('description').value }),
    )
    part('remove').onclick = changed(() => program.remove(task))
    return item
  }

  const account = () => valuesOf(at('account'))
  at('sign-up').onclick = () => act(async () => enter(await program.signUp(account())))
  at('sign-in').onclick = () => act(async () => enter(await program.signIn(account())))
  at('sign-out').onclick = () =>
    act(async () => {
      await program.signOut()
      await enter()
    })
  at('new').querySelector('button').onclick = () =>
    act(async () => {
      const filled = Object.entries(valuesOf(at('new'))).filter(([, value]) => value !== '')
      const fields = Object.fromEntries(filled)
      // Several titles create several tasks.
      await Promise.all(fields.title.split('|').map(title => program.create({ ...fields, title })))
      at('new').reset()
      await refresh()
    })
  at('filter').querySelector('button').onclick = () => act(refresh)
  at('diagnose').onclick = () => act(program.diagnose)
  const open = () => act(async () => enter(await program.resume()))
  document.addEventListener('reopen', () => {
    at('complaints').textContent = ''
    for (const form of document.forms) form.reset()
    open()
  })
  open()
}
