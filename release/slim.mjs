// Runs after `npm pack`: removes files that no running server reads, which npm itself cannot
// exclude from bundled packages. Unpacking takes most of the time of `npx`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { isUnread } from '../deploy/docker/prune.mjs'

const block = 512
/** Headers that apply to the next entry: pax (x, g) and GNU's long names (L, K). */
const isAbout = type => ['x', 'L', 'K'].includes(type)

/**
 * The same tar archive without the unused files of bundled packages. The same input gives the same
 * bytes.
 * @param {Buffer} tar
 * @returns {{ tar: Buffer, files: number }}
 */
export function slimmed(tar) {
  const kept = []
  let files = 0
  let about = []
  let longName
  for (let at = 0; at < tar.length; ) {
    const header = tar.subarray(at, at + block)
    if (header[0] === 0) break
    const type = String.fromCharCode(header[156])
    const size = Number.parseInt(textAt(header, 124, 12), 8)
    const end = at + block + Math.ceil(size / block) * block
    const entry = tar.subarray(at, end)
    const content = tar.subarray(at + block, at + block + size).toString()
    at = end
    if (isAbout(type)) {
      about.push(entry)
      longName = /\d+ path=([^\n]+)\n/.exec(content)?.[1] ?? longName
      continue
    }
    const prefix = textAt(header, 345, 155)
    const name = longName ?? (prefix === '' ? '' : `${prefix}/`) + textAt(header, 0, 100)
    if (!name.includes('/node_modules/') || !isUnread(name)) {
      kept.push(...about, entry)
      files += 1
    }
    about = []
    longName = undefined
  }
  return { tar: Buffer.concat([...kept, Buffer.alloc(2 * block)]), files }
}

function textAt(header, from, length) {
  const text = header.toString('utf8', from, from + length)
  return text.split('\0', 1)[0].trim()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const { INIT_CWD = '.', npm_config_pack_destination: destination = '.' } = process.env
  const file = resolve(INIT_CWD, destination, `${name}-${version}.tgz`)
  // Missing after a dry run.
  if (existsSync(file)) {
    const { tar, files } = slimmed(gunzipSync(readFileSync(file)))
    const tarball = gzipSync(tar, { level: 9 })
    writeFileSync(file, tarball)
    const sizes = `${(tarball.length / 1e6).toFixed(1)} MB, ${(tar.length / 1e6).toFixed(1)} MB unpacked`
    process.stderr.write(`${join(destination, `${name}-${version}.tgz`)}: ${files} files, ${sizes}\n`)
  }
}
