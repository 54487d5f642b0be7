import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(root, 'docs', 'threat-model.md'), 'utf8')

/** The number of sections of each chapter of ASVS 5.0. */
const sections = [5, 4, 7, 4, 4, 8, 6, 4, 2, 7, 7, 3, 4, 3, 4, 5, 3]

describe('docs/threat-model.md', () => {
  it('lists all risks and sections', () => {
    const risks = Array.from({ length: 10 }, (_, n) => `API${n + 1}`)
    const wanted = sections.flatMap((count, chapter) =>
      Array.from({ length: count }, (_, n) => `V${chapter + 1}.${n + 1}`),
    )
    const told = [...page.matchAll(/^\| (API\d+|V\d+\.\d+) /gm)].map(([, point]) => point)
    assert.deepEqual(told, [...risks, ...wanted])
  })

  it('names existing files, and a test or a reason for each applicable row', () => {
    const files = [
      ...page.matchAll(/`((?:server|test|docs|bench|deploy|client)\/[\w./-]+|package-lock\.json)`/g),
    ]
    assert.ok(files.length > 100)
    for (const [, file = ''] of files) assert.ok(existsSync(join(root, file)), `${file} does not exist`)
    for (const [line, , how, , shownBy] of page.matchAll(
      /^\| (API\d+|V\d+\.\d+) [^|]*\| ([^|]*) \| ([^|]*) ?\| ?([^|]*) ?\|$/gm,
    )) {
      const isSettled = /^–/.test(how ?? '') || /#accepted|\.md|docs\//.test(line)
      assert.ok(isSettled || /`(server|test)\/[\w./-]+\.ts`/.test(shownBy ?? ''), line)
    }
  })

  it('contains valid links', () => {
    const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => anchorOf(text))
    for (const [, target = ''] of page.matchAll(/\]\(([^)]+)\)/g)) {
      const [file = '', anchor] = target.split('#')
      if (file !== '') assert.ok(existsSync(join(root, 'docs', file)), target)
      if (anchor === undefined) continue
      const there = file === '' ? headings : headingsOf(file)
      assert.ok(there.includes(anchor), target)
    }
  })
})

function headingsOf(file: string): string[] {
  return [...readFileSync(join(root, 'docs', file), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    anchorOf(text),
  )
}

/** The anchor that GitHub generates for a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}
