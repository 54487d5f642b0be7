import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { slimmed } = await import(new URL('../../release/slim.mjs', import.meta.url).href)
const { isUnread } = await import(new URL('../../deploy/docker/prune.mjs', import.meta.url).href)

const folder = mkdtempSync(join(tmpdir(), 'duly-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Longer than the name field of a tar header. */
const deep = `lib/${'a'.repeat(60)}/${'b'.repeat(60)}`
const bundled: Readonly<Record<string, string>> = {
  'package.json': '{"name":"part","version":"1.0.0"}',
  'index.js': 'export {}\n',
  'index.js.map': '{}',
  'index.d.ts': 'export {}\n',
  'README.md': '# Part\n',
  LICENSE: 'MIT\n',
  'license.md': 'MIT\n',
  'test/index.js': '',
  [`${deep}/kept.js`]: 'x'.repeat(2000),
  [`${deep}/dropped.d.ts`]: 'y'.repeat(2000),
  'lib/test/kept.js': '',
}

describe('a packed package', () => {
  it('lacks unused files of its bundled packages, and keeps all others, including licences', () => {
    const manifest = {
      name: 'whole',
      version: '1.0.0',
      dependencies: { part: '1.0.0' },
      bundleDependencies: true,
    }
    const source = { 'package.json': JSON.stringify(manifest), 'own.d.ts': '', 'docs/a.md': '# A\n' }
    const parts = Object.entries(bundled).map(([path, text]) => [`node_modules/part/${path}`, text] as const)
    for (const [path, text] of [...Object.entries(source), ...parts]) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    execFileSync('npm', ['pack', '--silent'], { cwd: folder })
    const before = gunzipSync(readFileSync(join(folder, 'whole-1.0.0.tgz')))
    const { tar, files } = slimmed(before)
    assert.ok(slimmed(before).tar.equals(tar), 'the same input gives the same bytes')
    writeFileSync(join(folder, 'slim.tar'), tar)
    const listed = execFileSync('tar', ['-tf', 'slim.tar'], { cwd: folder, encoding: 'utf8' })
    const kept = ['package.json', 'index.js', 'LICENSE', 'license.md', `${deep}/kept.js`, 'lib/test/kept.js']
    const expected = [...Object.keys(source), ...kept.map(path => `node_modules/part/${path}`)]
    assert.deepEqual(listed.trim().split('\n').sort(), expected.map(path => `package/${path}`).sort())
    assert.equal(files, expected.length)
    const text = execFileSync('tar', ['-xOf', 'slim.tar', `package/node_modules/part/${deep}/kept.js`], {
      cwd: folder,
    })
    assert.equal(String(text), bundled[`${deep}/kept.js`])
  })

  it('has at most half of the files and bytes of the installed packages', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
    const sizes = { all: [0, 0], kept: [0, 0] }
    for (const [place, { dev }] of Object.entries<{ dev?: boolean }>(packages)) {
      if (place === '' || dev) continue
      for (const entry of readdirSync(join(root, place), { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name)
        const inside = path.slice(join(root, place).length)
        if (!entry.isFile() || inside.includes(`node_modules${sep}`)) continue
        const { size } = statSync(path)
        for (const sum of isUnread(path.slice(root.length)) ? [sizes.all] : [sizes.all, sizes.kept]) {
          sum[0] = (sum[0] ?? 0) + 1
          sum[1] = (sum[1] ?? 0) + size
        }
      }
    }
    for (const n of [0, 1]) assert.ok((sizes.kept[n] ?? 0) < (sizes.all[n] ?? 0) / 2, JSON.stringify(sizes))
  })
})
