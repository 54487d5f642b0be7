import assert from 'node:assert/strict'
import { it } from 'node:test'
import { redirectTarget } from './redirects.ts'

const base = new URL('https://tasks.example.com')
const trusted = ['https://tasks.example.com', 'https://app.example.com:8443', 'capacitor://localhost']
const target = (text: string) => redirectTarget(text, base, trusted)

it('redirectTarget returns the normalized form of targets on this server and on trusted origins', () => {
  for (const [text, expected] of [
    ['/docs', '/docs'],
    ['/docs?a=//b#c', '/docs?a=//b#c'],
    ['/a/../docs', '/docs'],
    ['docs', '/docs'],
    ['https:evil.example', '/evil.example'],
    ['', '/'],
    ['https://tasks.example.com/x', '/x'],
    ['HTTPS://TASKS.example.com:443/x', '/x'],
    ['https://app.example.com:8443/welcome?x=1', 'https://app.example.com:8443/welcome?x=1'],
    ['https:\\\\app.example.com:8443/a', 'https://app.example.com:8443/a'],
    ['capacitor://localhost/done', 'capacitor://localhost/done'],
    ['/a//b', '/a//b'],
  ] as const) {
    assert.equal(target(text), expected, text)
  }
})

it('redirectTarget rejects every spelling of another server', () => {
  for (const text of [
    'https://evil.example',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '\\/evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/docs/..//evil.example',
    '/./%2e//evil.example',
    '/%2e%2e//evil.example',
    '/.\\/evil.example',
    '/%2f/evil.example',
    '/%2F%2Fevil.example',
    '/%5cevil.example',
    '/%5C%5Cevil.example',
    '/.%2f/evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '\t//evil.example',
    ' //evil.example',
    '/.\t//evil.example',
    '\u0000//evil.example',
    'javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'blob:https://tasks.example.com/x',
    'https://tasks.example.com@evil.example',
    'https://user@tasks.example.com/',
    'https://user:password@tasks.example.com/',
    'https://tasks.example.com:8443/',
    'http://tasks.example.com/',
    'https://tasks.example.com.evil.example',
    'https://app.example.com/',
    'https://app.example.com:8443@evil.example/',
    'https://evil.example#@app.example.com:8443',
    'https://tasks.example.com//evil.example',
    'https://tasks.example.com/.//evil.example',
    'capacitor://evil',
    'capacitor:localhost',
    'http://[',
    'https://',
    'https://ｅvil.example',
    'https://tasks.example.com\uff0fevil.example',
  ]) {
    assert.equal(target(text), undefined, JSON.stringify(text))
  }
})
