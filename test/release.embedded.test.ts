import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

const { whatIsMissing } = await import(new URL('../../release/missing.mjs', import.meta.url).href)

const ready = {
  manifest: { version: '1.2.3', repository: 'a place' },
  changelog: '# Changelog\n\n## 1.2.3 - 2030-01-31\n\n### Added\n\n## 1.2.2 - 2030-01-01\n',
  git: { changes: '', tags: ['v1.2.3'], onMain: true },
  env: { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://example.com' },
}

describe('a release', () => {
  it('lacks nothing if version, changelog and tag match and provenance is available', () => {
    assert.deepEqual(whatIsMissing(ready), [])
  })

  const { git } = ready
  const lacking: [string, object, RegExp][] = [
    ['uncommitted changes', { git: { ...git, changes: ' M run.mjs' } }, /uncommitted changes:\n M run\.mjs$/],
    ['a commit that is not on main', { git: { ...git, onMain: false } }, /not on main/],
    ['a commit without its tag', { git: { ...git, tags: ['v1.2.2'] } }, /no tag v1\.2\.3/],
    ['a changelog without the version', { changelog: '## Unreleased\n' }, /begins with "Unreleased"/],
    ['a changelog without the date', { changelog: '## 1.2.3\n' }, /"1\.2\.3 - " and the date/],
    ['no repository', { manifest: { version: '1.2.3' } }, /"repository"/],
    ['a machine without provenance', { env: {} }, /Provenance cannot be created/],
  ]
  for (const [what, change, sentence] of lacking) {
    it(`is rejected for ${what}`, () => {
      const missing = whatIsMissing({ ...ready, ...change })
      assert.equal(missing.length, 1)
      assert.match(missing[0], sentence)
    })
  }
})
