import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Terms that other projects do not use, their replacements, and files in which they are allowed.
 */
const coined: readonly (readonly [RegExp, string, RegExp?])[] = [
  [/\banew\b/i, 'again'],
  [/\bwhoever\b/i, 'anyone who, the caller, the client'],
  [/\bpeople who call\b/i, 'callers, clients'],
  [
    /\b(?<!capital )letters?\b(?!,? (?:and |or )?digits)/i,
    'email',
    /tasks\/fold|db\/data-row|^(?:bench|test)/,
  ],
  [/\be-mails?\b/i, 'email', /texts\/de/],
  [/\bsecond factors?\b/i, 'two-factor authentication'],
  [/\b(?:put|puts|putting|bring|brings|bringing|brought) back\b/i, 'restore'],
  [/\b(?:putBack|PutBack|put-back)/, 'restore'],
  [/\btak(?:e|es|en|ing) along\b/i, 'export'],
  [/\bleaving without a trace\b|['"`{ ]leaving['"`]|\{ leaving \}/, 'export and delete account'],
  [/\bsort-in\b|\bkept[- ]ticks?\b|\b(?:usual|all) columns\b/i, '(the standard term)'],
  [/\bpaced\b/i, '(the standard term)'],
  [/\blearnt\b/, 'audit facts'],
  [/\b(?:speak|speaks|spoken|spoke)\b/i, 'use, support, register'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\bturn(?:s|ed)? away\b/i, 'rejected'],
  [/\bwhat nobody expected\b/i, 'unexpected errors'],
  [/\bthe house\b/i, 'project layout'],
  [/\bdialect(?:s| of)\b/, 'contract, wire format'],
  [/\bfamil(?:y|ies) of routes\b|\bsections? of the map\b/i, 'routes, route module'],
]

function filesIn(folder: string, isWanted: (name: string) => boolean): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => isWanted(name) && !name.includes('node_modules'))
    .map(name => join(folder, name).replaceAll('\\', '/'))
}

const isMarkdown = (name: string) => name.endsWith('.md')
/** client/schema.ts is generated from the texts in server/. */
const isSource = (name: string) => /\.(?:tsx?|m?js)$/.test(name) && name !== 'schema.ts'
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...filesIn('docs', isMarkdown),
  ...filesIn('deploy', isMarkdown),
]
const folders = ['server', 'client', 'web', 'bench', 'release', 'test']
const sources = folders
  .flatMap(folder => filesIn(folder, isSource))
  .filter(file => file !== 'test/prose.embedded.test.ts')

const linesOf = (file: string) => readFileSync(join(root, file), 'utf8').split('\n')

describe('texts', () => {
  it('use the standard terms, in documents, comments and messages', () => {
    const found = [...pages, ...sources].flatMap(file =>
      linesOf(file).flatMap((line, n) =>
        coined.flatMap(([pattern, instead, except]) => {
          const [word] = pattern.exec(line) ?? []
          return word === undefined || except?.test(file)
            ? []
            : [`${file}:${n + 1}: "${word}": write ${instead}`]
        }),
      ),
    )
    assert.deepEqual(found, [])
  })

  it('have at most 100 columns in Markdown, except tables, links, code and headings', () => {
    const wide = pages.flatMap(file => {
      let isCode = false
      return linesOf(file).flatMap((line, n) => {
        const isFence = /^\s*(?:(?:\d+\.|[-*]) )?(?:```|~~~)/.test(line)
        if (isFence) isCode = !isCode
        const isExempt = isCode || isFence || /^\s*[|#]|\]\(|https?:/.test(line)
        return line.length > 100 && !isExempt ? [`${file}:${n + 1}`] : []
      })
    })
    assert.deepEqual(wide, [])
  })

  it('have at most 100 columns in comments', () => {
    const wide = sources.flatMap(file =>
      linesOf(file).flatMap((line, n) =>
        line.length > 100 && /^\s*(?:\/\/|\/?\*)|\s\/\/ /.test(line) ? [`${file}:${n + 1}`] : [],
      ),
    )
    assert.deepEqual(wide, [])
  })
})
