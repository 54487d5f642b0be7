// Creates server/db/cluster.br: an empty PostgreSQL cluster of PGlite's initdb, which a first start
// unpacks instead of running initdb for 16 seconds. Run it after every update of PGlite:
// node release/make-cluster.mjs
//
// Format: Brotli of one line of JSON, { pglite, directories, files: [[path, size], …] }, followed
// by the bytes of the files in that order.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'

const target = fileURLToPath(new URL('../server/db/cluster.br', import.meta.url))
const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

const folder = mkdtempSync(join(tmpdir(), 'duly-cluster-'))
try {
  const database = await PGlite.create(folder)
  // VACUUM reaches only the database it runs in. Two billion writes later, unused ones with old
  // transaction ids would make PostgreSQL refuse to write.
  await database.exec('update pg_database set datistemplate = false')
  for (const unused of ['template0', 'template1']) await database.exec(`drop database ${unused}`)
  await database.exec('vacuum freeze')
  await database.close()
  const directories = []
  const files = []
  const contents = []
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path).replaceAll('\\', '/')
    if (entry.isDirectory()) {
      directories.push(name)
    } else {
      const content = readFileSync(path)
      files.push([name, content.length])
      contents.push(content)
    }
  }
  const header = JSON.stringify({ pglite: dependencies['@electric-sql/pglite'], directories, files })
  const archive = Buffer.concat([Buffer.from(`${header}\n`), ...contents])
  const packed = brotliCompressSync(archive, {
    params: {
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: archive.length,
    },
  })
  writeFileSync(target, packed)
  process.stdout.write(`${files.length} files, ${archive.length} bytes, packed into ${packed.length}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
