// The page, style and script of /docs. The other files are Swagger UI's own.

/** @param base the path of PUBLIC_URL */
export const page = (base: string) => `<!doctype html>
<html lang="en" data-base="${base}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Duly API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/docs/swagger-ui.css">
<link rel="stylesheet" href="${base}/docs/docs.css">
</head>
<body>
<form id="account" hidden>
  <p id="who" role="status"></p>
  <label class="out">Email <input name="email" type="email" autocomplete="username" required></label>
  <label class="out">Password <input name="password" type="password" autocomplete="current-password" required></label>
  <label class="code">Code of your authenticator <input name="code" inputmode="numeric" autocomplete="one-time-code"></label>
  <button class="out" value="sign-in">Sign in</button>
  <button class="out" value="sign-up">Sign up</button>
  <button class="code" value="code" formnovalidate>Continue</button>
  <button class="in" value="sign-out" formnovalidate>Sign out</button>
</form>
<div id="swagger-ui"></div>
<script src="${base}/docs/swagger-ui-bundle.js"></script>
<script src="${base}/docs/docs.js"></script>
</body>
</html>
`

// The session is a cookie that no script sees; what it is exchanged for authorizes every other
// call. A token that somebody gives in "Authorize" instead stays in the browser's own storage, for
// the next visit.
export const script = `const dark = matchMedia('(prefers-color-scheme: dark)')
const colour = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', colour)
colour()

const { base } = document.documentElement.dataset
const form = document.getElementById('account')
const who = document.getElementById('who')
let token = ''

async function auth(path, fields) {
  const send = fields && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) }
  const answer = await fetch(base + '/api/auth' + path, send)
  return { status: answer.status, body: await answer.json().catch(() => null) }
}

const isGood = given => JSON.parse(atob(given.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).exp * 1000 > Date.now() + 30000

async function freshToken() {
  const { status, body } = await auth('/token')
  token = status === 200 ? body.token : ''
  return token
}

async function showWho() {
  const { status, body } = await auth('/get-session')
  form.hidden = status !== 200
  form.dataset.state = body ? 'in' : 'out'
  if (body) {
    ui.preauthorizeApiKey('bearer', await freshToken())
    who.textContent = 'Signed in as ' + body.user.email + '. Every call below is authorized.'
    return
  }
  who.textContent = 'Sign in, and every call below is authorized.'
  if (token) ui.authActions.logoutWithPersistOption(['bearer'])
  token = ''
}

form.addEventListener('submit', async event => {
  event.preventDefault()
  const { email, password, code } = Object.fromEntries(new FormData(form))
  const { status, body } = await {
    'sign-in': () => auth('/sign-in/email', { email, password }),
    'sign-up': () => auth('/sign-up/email', { name: email.split('@')[0], email, password }),
    'sign-out': () => auth('/sign-out', {}),
    code: () => auth('/two-factor/verify-totp', { code }),
  }[event.submitter.value]()
  if (status !== 200) {
    who.textContent = body?.message ?? 'The request failed.'
  } else if (body.twoFactorRedirect) {
    form.dataset.state = 'code'
    who.textContent = 'One more step.'
  } else if (event.submitter.value === 'sign-up' && body.token === null) {
    who.textContent = 'Open the link in the email that was sent to you.'
  } else {
    form.reset()
    await showWho()
  }
})

// Swagger UI resolves every reference of the document for each operation that is opened, which
// takes seconds. This resolves those of the operation. A schema within itself stays a reference.
function resolved(value, document, within = []) {
  if (Array.isArray(value)) return value.map(item => resolved(item, document, within))
  if (typeof value !== 'object' || value === null) return value
  const { $ref: ref, ...rest } = value
  const own = Object.fromEntries(Object.entries(rest).map(([name, item]) => [name, resolved(item, document, within)]))
  if (typeof ref !== 'string') return own
  if (within.includes(ref)) return value
  return { ...resolved(at(document, ref.split('/').slice(1)), document, [...within, ref]), ...own, $$ref: ref }
}
const at = (document, path) => path.reduce((part, name) => part?.[name], document)
const requestResolvedSubtree = (_, { specSelectors, specActions }) => path => {
  const document = specSelectors.specJS()
  return specActions.updateResolvedSubtree(path, resolved(at(document, path), document))
}

const ui = SwaggerUIBundle({
  url: base + '/openapi.json',
  plugins: [() => ({ statePlugins: { spec: { wrapActions: { requestResolvedSubtree } } } })],
  dom_id: '#swagger-ui',
  persistAuthorization: true,
  tryItOutEnabled: true,
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
  // The token expires while the page is open, the session does not.
  async requestInterceptor(request) {
    const { Authorization: sent = '' } = request.headers
    if (token && sent === 'Bearer ' + token && !isGood(token)) request.headers.Authorization = 'Bearer ' + (await freshToken())
    return request
  },
  // The user may also sign in with the calls below.
  async responseInterceptor(response) {
    if (response.ok && /\\/api\\/auth\\/(sign-|two-factor|passkey|revoke|delete)/.test(response.url)) await showWho()
    return response
  },
  onComplete: showWho,
})
`

// A column that is empty here is all that does not fit on a phone. A cookie cannot be typed in: the
// form is for that.
export const style = `@media (max-width: 600px) {
  .swagger-ui .response-col_links { display: none }
}
.swagger-ui .auth-container:has(#api_key_value) { display: none }
#account:not([hidden]) { box-sizing: border-box; display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; max-width: 1460px; margin: 0 auto; padding: 1rem 20px; font: 14px system-ui, sans-serif }
#account p { margin: 0; flex-basis: 100% }
#account input, #account button { font: inherit; padding: .3rem .6rem }
#account label { display: inline-flex; flex-wrap: wrap; gap: .2rem .5rem; align-items: center }
#account[data-state=in] .out, #account[data-state=in] .code,
#account[data-state=out] .in, #account[data-state=out] .code,
#account[data-state=code] .out, #account[data-state=code] .in { display: none }
.dark-mode body { background: #1c2022 }
.dark-mode #account { color: #e4e6e6 }
`
