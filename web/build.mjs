// Builds the web app into dist/web, with a compressed copy of each file. `dev` serves it instead,
// with reload, and passes requests on to the server on PORT.
import { createHash } from 'node:crypto'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build, createServer } from 'vite'

const root = fileURLToPath(new URL('.', import.meta.url))
const output = fileURLToPath(new URL('../dist/web/', import.meta.url))
/** Files of code that is used together, since few files compress better than many. */
const groups = [
  { name: 'first', test: isOnFirstScreen },
  { name: 'start', test: /\/client\/|\/web\/(app|model\/api|tasks\/dragging)/ },
  { name: 'texts', test: /\/texts\/(later-texts\.|en\.ts\?)/ },
  { name: 'account', test: /\/web\/(account\/(?!qr)|import\/|webhooks\/)/ },
  { name: 'more', test: /\/web\/(task|tasks|model|parts|trash|waiting|palette|shortcuts)\// },
]
const options = { root, base: './', configFile: false, clearScreen: false }

if (process.argv[2] === 'dev') await serve()
else await bundle()

async function serve() {
  const target = `http://localhost:${process.env.PORT || 8000}`
  const server = await createServer({
    ...options,
    server: { port: 5173, proxy: { '/api/': target, '/docs': target, '/reset-password': target } },
  })
  await server.listen()
  server.printUrls()
}

async function bundle() {
  await build({
    ...options,
    logLevel: 'warn',
    build: {
      outDir: output,
      emptyOutDir: true,
      assetsDir: 'app',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      rolldownOptions: { output: { codeSplitting: { groups } } },
    },
  })
  writeServiceWorker()
  for (const name of ['preact', 'lean-qr'])
    copyFileSync(join(root, 'node_modules', name, 'LICENSE'), join(output, `${name}-LICENSE`))
  for (const name of filesIn(output)) compress(join(output, name))
}

/** One file for all task screens; each other screen has its own. */
function isOnFirstScreen(id) {
  if (id.includes('/client/'))
    return /sync\/(browser|copy|effects|fields|guarded|indexed-db|new-write|open|operations|positions|saver)\./.test(
      id,
    )
  // Texts of later screens: see texts/parts.d.ts.
  if (id.includes('?')) return false
  const name = id.slice(root.length)
  const isLater =
    /^(app\/(later|new-list|password-reminder|worker)|model\/(api|words|months|list-actions|copy-task)|parts\/(dialog|linked|problem|save-file)|tasks\/(dragging|entry-words|search-field|selection-bar|list-menu))\./.test(
      name,
    )
  return (
    !isLater && /^(app|model|parts|tasks|main\.tsx|texts\/(en|texts)\.|node_modules\/preact\/)/.test(name)
  )
}

/** The files that the service worker stores. Its content changes whenever one of them does. */
function writeServiceWorker() {
  const files = filesIn(output).filter(name => name.startsWith('app/') && !name.endsWith('.png'))
  const hash = createHash('sha256')
  for (const name of [...files, 'index.html']) hash.update(name).update(readFileSync(join(output, name)))
  const version = hash.digest('base64url').slice(0, 12)
  const source = readFileSync(join(root, 'service-worker.js'), 'utf8')
  writeFileSync(
    join(output, 'sw.js'),
    source.replace('__VERSION__', version).replace("'__FILES__'", files.map(name => `'${name}'`).join(', ')),
  )
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length).replaceAll('\\', '/'))
    .sort()
}

function compress(path) {
  if (/\.png$|LICENSE$/.test(path)) return
  const bytes = readFileSync(path)
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: quality }))
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
}
