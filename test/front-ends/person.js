// A user of the page. Each function fails if the page does not show what it should.

const one = selector => document.querySelector(selector) ?? lost(`There is no ${selector}`)
function lost(why) {
  throw new Error(`${why}\n${one('#message').textContent}\n${one('#complaints').textContent}`)
}

async function settled() {
  while ('busy' in document.body.dataset)
    await new Promise(resolve => document.addEventListener('idle', resolve, { once: true }))
}

async function idle() {
  await settled()
  if (one('#complaints').textContent !== '') lost('The program complains')
}

function see(what, found, expected) {
  const [is, wanted] = [found, expected].map(value => JSON.stringify(value))
  if (is !== wanted) lost(`${what} is ${is}, not ${wanted}`)
}

const fill = (form, values) => {
  for (const [name, value] of Object.entries(values)) one(`${form} [name=${name}]`).value = value
}
async function press(selector) {
  one(selector).click()
  await idle()
}

const cards = () => [...document.querySelectorAll('#tasks li')]
const titles = () => cards().map(card => card.querySelector('.title').value)
const card = title => cards()[titles().indexOf(title)] ?? lost(`There is no task ${title}`)
const shown = (title, name) => card(title).querySelector(`.${name}`).textContent
const isDone = title => card(title).querySelector('.done').checked
const on = async (title, name) => {
  card(title).querySelector(`.${name}`).click()
  await idle()
}
const add = async values => {
  fill('#new', values)
  await press('#new button')
  see('the message', one('#message').textContent, '')
}
const filter = async values => {
  fill('#filter', { state: 'all', priority: '', search: '', ...values })
  await press('#filter button')
}
const enter = async (who, button) => {
  fill('#account', who)
  await press(button)
}
const signedIn = who => see('who is signed in', one('#who').textContent, who.email)

/** Does the same as a reload, in a fraction of the time. */
export async function reopen() {
  document.dispatchEvent(new Event('reopen'))
  await idle()
}

/** As a new user. */
export async function forget() {
  await settled()
  localStorage.clear()
  sessionStorage.clear()
  await reopen()
}

/** Signs in with an unknown account, and then signs up. */
export async function arrive(who) {
  await refusedWith(who)
  await signUp(who)
}

export async function signUp(who) {
  await enter(who, '#sign-up')
  signedIn(who)
  see('the first list', titles(), [])
}

/** From the first task to a completed one. */
export async function work({ due_date, priority }) {
  const words = { priority, due_date, category: 'home', tags: 'garden, weekly' }
  await add({ title: 'Water the plants', description: 'Twice', ...words })
  await add({ title: 'Call Ann' })
  see('the list', titles(), ['Call Ann', 'Water the plants'])
  const saved = ['priority', 'due_date', 'category', 'tags'].map(name => shown('Water the plants', name))
  see('the task', saved, [priority, due_date, 'home', 'garden,weekly'])

  const edited = card('Water the plants')
  edited.querySelector('.title').value = 'Water the fern'
  edited.querySelector('.save').click()
  await idle()
  see('the description', card('Water the fern').querySelector('.description').value, 'Twice')
  see('its due date', shown('Water the fern', 'due_date'), due_date)
  for (const expected of [true, false, true]) {
    await on('Water the fern', 'done')
    see('the flag', isDone('Water the fern'), expected)
  }
  for (const [values, expected] of [
    [{ state: 'completed' }, ['Water the fern']],
    [{ state: 'pending' }, ['Call Ann']],
    [{ priority }, ['Water the fern']],
    [{ search: 'ann' }, ['Call Ann']],
    [{}, ['Call Ann', 'Water the fern']],
  ]) {
    await filter(values)
    see(`the list for ${JSON.stringify(values)}`, titles(), expected)
  }
}

/** After a reload: a program that stores no token requires a sign-in. */
export async function goOn(who) {
  await idle()
  if (one('main').hidden) await enter(who, '#sign-in')
  signedIn(who)
}

export async function cleanUp() {
  see('the list', titles(), ['Call Ann', 'Water the fern'])
  see('the flag', [isDone('Water the fern'), isDone('Call Ann')], [true, false])
  await on('Call Ann', 'remove')
  see('the list', titles(), ['Water the fern'])
}

/** Signs out and in again. */
export async function leave(who) {
  const before = titles()
  await press('#sign-out')
  see('the list', titles(), [])
  await refusedWith({ ...who, password: `not ${who.password}` })
  await enter(who, '#sign-in')
  signedIn(who)
  see('the list', titles(), before)
}

async function refusedWith(account) {
  await enter(account, '#sign-in')
  see('the status of a refused sign-in', one('#message').dataset.status, '401')
}

export async function diagnose() {
  one('#complaints').textContent = ''
  await press('#diagnose')
  see('the message', one('#message').textContent, '')
}

/** Adds more tasks than a page contains, and sees all of them. */
export async function addMany(count) {
  const before = titles().length
  await add({ title: Array.from({ length: count }, (_, n) => `Task ${n}`).join('|') })
  see('the number of tasks', titles().length, before + count)
}

export async function withoutDatabase(status, code) {
  one('#complaints').textContent = ''
  await filter({})
  const { status: shownStatus, retryAfter, code: shownCode } = one('#message').dataset
  if (code) see('the code without a database', shownCode, code)
  see('the status without a database', shownStatus, String(status))
  see('Retry-After', /^\d+$/.test(retryAfter), true)
}
