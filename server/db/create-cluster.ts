import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { PGlite } from '@electric-sql/pglite'

// Run as a process of its own: creating a cluster takes about 750 MB that the server would keep.

const directory = process.argv[2]
if (directory === undefined) throw new Error('usage: create-cluster DIRECTORY')
// WebAssembly that runs for seconds and once: to optimise it takes more processor time than it saves (8.8 s in all, 5.7 s without).
setFlagsFromString('--liftoff-only')
const database = await PGlite.create(directory)
await database.close()
syncTree(directory)

// Like initdb's own last step: the cluster must not be half on the disk when its name appears.
function syncTree(parent: string): void {
  for (const entry of readdirSync(parent, { withFileTypes: true })) {
    const path = join(parent, entry.name)
    if (entry.isDirectory()) syncTree(path)
    else sync(path, 'r+')
  }
  if (process.platform !== 'win32') sync(parent, 'r')
}

function sync(path: string, mode: 'r' | 'r+'): void {
  const descriptor = openSync(path, mode)
  fsyncSync(descriptor)
  closeSync(descriptor)
}
