import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { matcherOf, readOrigin } from './origins.ts'

describe('an origin in CORS_ORIGINS', () => {
  it('is normalized to the form that browsers send', () => {
    const read: Readonly<Record<string, string>> = {
      'https://App.Example.com/': 'https://app.example.com',
      'https://app.example.com:443': 'https://app.example.com',
      'HTTP://app.example.com:80/': 'http://app.example.com',
      'http://localhost:3000/app?x=1#y': 'http://localhost:3000',
      'https://bücher.example': 'https://xn--bcher-kva.example',
      'http://[::1]:5173': 'http://[::1]:5173',
      'capacitor://localhost': 'capacitor://localhost',
      'Capacitor://LOCALHOST/': 'capacitor://localhost',
      'ionic://localhost': 'ionic://localhost',
      'tauri://localhost': 'tauri://localhost',
      'https://tauri.localhost': 'https://tauri.localhost',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop':
        'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
      'moz-extension://0b5a1f9e-9d2c-4f53-8a54-7a1f6f3c2d1e':
        'moz-extension://0b5a1f9e-9d2c-4f53-8a54-7a1f6f3c2d1e',
      'app://obsidian.md': 'app://obsidian.md',
      'https://*.Example.app/': 'https://*.example.app',
      'https://*.example.app:443': 'https://*.example.app',
      'http://*.localhost:3000': 'http://*.localhost:3000',
    }
    for (const [text, origin] of Object.entries(read)) assert.equal(readOrigin(text), origin, text)
  })

  it('is rejected if it is not an origin or names more than one domain', () => {
    for (const text of [
      ...[
        'localhost',
        'localhost:3000',
        'app.example.com',
        '//app.example.com',
        'null',
        'about:blank',
        'file://',
      ],
      ...['file:///index.html', 'data:text/html,x', 'javascript:alert(1)', 'blob:https://a.example/1'],
      ...['https://user:password@app.example.com', 'https://', 'capacitor://', 'capacitor://localhost/app'],
      ...[
        '*.example.app',
        'https://*',
        'https://*.app',
        'https://*.*.example.app',
        'https://a.*.example.app',
      ],
      ...['https://a*.example.app', 'https://*example.app', 'https://*.example.app.', 'https://*.0.0.1'],
      ...[
        'https://*@example.app',
        'https://*.a@example.app',
        'capacitor://*.localhost',
        'https://example.app/*',
        '*',
      ],
    ])
      assert.equal(readOrigin(text), undefined, text)
  })
})

describe('the Origin of a request', () => {
  it('matches a pattern with exactly one label in place of the asterisk', () => {
    const matches = matcherOf(['https://*.example.app', 'http://*.localhost:3000', 'https://x.test'])
    for (const origin of [
      'https://a.example.app',
      'https://pr-12-duly.example.app',
      'https://xn--bcher-kva.example.app',
      'http://a.localhost:3000',
      'https://x.test',
    ])
      assert.ok(matches(origin), origin)
    for (const origin of [
      ...['https://example.app', 'https://a.b.example.app', 'http://a.example.app', 'https://.example.app'],
      ...['https://a.example.app:444', 'https://a.example.app.evil.test', 'https://evil.test/.example.app'],
      ...[
        'https://-a.example.app',
        'https://a-.example.app',
        'https://*.example.app',
        'https://aXexample.app',
      ],
      ...['https://evil.test?.example.app', 'https://a_b.example.app', 'http://localhost:3000', 'null', ''],
      ...['https://A.example.app', 'https://a.example.app\n', 'https://a.exampleXapp', 'https://y.x.test'],
    ])
      assert.ok(!matches(origin), JSON.stringify(origin))
  })
})
