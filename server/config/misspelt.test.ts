import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readConfig } from './config.ts'
import { misspelt, strangeValues } from './misspelt.ts'
import { settings } from './settings.ts'

const known = settings.flatMap(({ name, aliases }) => [name, ...aliases])
const inEnvironment = (name: string) => misspelt({ [name]: 'x' }, {}, known)

describe('a misspelt setting', () => {
  for (const [name, meant] of [
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABASEURL', 'DATABASE_URL'],
    ['DATABASE-URL', 'DATABASE_URL'],
    ['database_url', 'DATABASE_URL'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['CORS_ORIGN', 'CORS_ORIGINS'],
    ['BETTER_AUTH_SECERT', 'BETTER_AUTH_SECRET'],
    ['DATADIR', 'DATA_DIR'],
    ['DATA_DIRS', 'DATA_DIR'],
    ['SIGNUP', 'SIGN_UP'],
    ['TRUST_PROXIES', undefined],
    ['TRUSTED_PROXY', 'TRUST_PROXY'],
    ['DULY_PORT', 'PORT'],
    ['PROT', 'PORT'],
    ['PRT', 'PORT'],
    ['PORTT', 'PORT'],
    ['HSOT', 'HOST'],
    ['HOSST', 'HOST'],
    ['WBE', 'WEB'],
    ['DULY_DATA_DIR', 'DATA_DIR'],
  ] as const) {
    it(`in the environment is reported: ${name}`, () => {
      const expected = meant === undefined ? [] : [`${name} is not a setting of Duly. Did you mean ${meant}?`]
      assert.deepEqual(inEnvironment(name), expected)
    })
  }

  for (const name of [
    ...['HOSTNAME', 'HOSTS', 'PORTS', 'POST', 'HOME', 'PATH', 'host', 'port', 'PGHOST', 'PGDATA', 'LOGNAME'],
    ...['LPORT', 'PORT1', 'VHOST', 'GHOST', 'PWD', 'TERM', 'USER', 'WEBS', 'TZ', 'LANG', 'prot', 'EDITOR'],
    ...['DATABASE_PORT', 'DATABASE_HOST', 'DATABASE_NAME', 'METRICS_HOST', 'GITLAB_CLIENT_ID', 'REDIS_HOST'],
    ...[
      'DULY_URL',
      'DULY_TOKEN',
      'SECRET',
      'MAIL_HOST',
      'SMTP_HOST',
      'JWT_EXPIRY',
      'XDG_DATA_DIRS',
      'NODE_ENV',
    ],
    ...['OTEL_RESOURCE_ATTRIBUTES', 'PUBLIC_KEY', 'BASE_URL', 'AUTH_URL'],
  ]) {
    it(`is not a name that other software uses: ${name}`, () => assert.deepEqual(inEnvironment(name), []))
  }

  it('is not a name of our own', () => {
    assert.deepEqual(misspelt(Object.fromEntries(known.map(name => [name, 'x'])), {}, known), [])
  })

  it('in a file is reported with all other unknown names', () => {
    const file = { PORT: '1', DATABSE_URL: 'x', NEXT_PUBLIC_URL: 'y' }
    assert.deepEqual(misspelt({}, file, known), [
      'The settings file sets names that Duly does not know: DATABSE_URL (did you mean DATABASE_URL?), NEXT_PUBLIC_URL.',
    ])
  })
})

describe('the value of a setting', () => {
  it('with quotation marks or white space around it is reported, without the value itself', () => {
    const notes = strangeValues({ PORT: '"8000"', BETTER_AUTH_SECRET: ' hidden ', DATA_DIR: "it's" }, known)
    assert.equal(notes.length, 2)
    assert.match(notes.join(), /PORT has quotation marks .*BETTER_AUTH_SECRET has white space/)
    assert.ok(!notes.join().includes('hidden'))
  })
})

describe('HOST', () => {
  for (const [text, host] of [
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['[::]', '::'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['0.0.0.0', '0.0.0.0'],
    ['localhost', 'localhost'],
    ['my_host-1.example.com.', 'my_host-1.example.com.'],
  ] as const) {
    it(`may be ${text}`, () => assert.equal(readConfig({ HOST: text }).host, host))
  }
  for (const text of [
    'http://localhost',
    'localhost:8000',
    '[localhost]',
    '[::1',
    '*',
    'a b',
    '/tmp/socket',
    '-x',
  ]) {
    it(`is rejected with a fix: ${text}`, () =>
      assert.throws(() => readConfig({ HOST: text }), /HOST=.*: must be an address such as 127\.0\.0\.1/))
  }
})
