import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Backup } from '../backup/read.ts'
import { syncPath } from '../backup/sync-path.ts'
import { readConfig } from '../config/config.ts'
import { exit, StartError } from '../errors.ts'
import { explain } from '../system-error.ts'
import { readArguments, readWord } from './arguments.ts'
import type { Command } from './command.ts'
import { describeContents } from './contents.ts'
import { requireDatabase } from './existing.ts'
import { restoreInto } from './restore-into.ts'
import { commandConfig } from './settings.ts'
import { takeBackup } from './take-backup.ts'

const help = `Usage: duly backup FILE [--force] [--verify]

Writes a snapshot of the whole database to FILE, whether a server is running or not. The file is compressed
and readable by its owner only: it contains password hashes, sessions and, if Duly generated it, the secret.
"duly restore" restores it into an embedded database or into PostgreSQL.

  FILE       the file to write; - for standard output
  --force    overwrite an existing file
  --verify   also restore the file into a temporary database and compare all rows; without this option, the
             file is only read back and compared with the checksums of the rows`

export const backupCommand: Command = {
  help,
  async run(args) {
    const { values, positionals } = readArguments(
      args,
      { force: { type: 'boolean' }, verify: { type: 'boolean' } },
      true,
    )
    const name = readWord(positionals, 'FILE')
    const config = commandConfig()
    requireDatabase(config)
    const toOutput = name === '-'
    const file = resolve(name)
    if (!toOutput) refuseExisting(file, values.force === true)
    const folder = toOutput ? mkdtempSync(join(tmpdir(), 'duly-')) : dirname(file)
    const draft = join(
      folder,
      `${toOutput ? 'backup' : basename(file)}.${randomBytes(4).toString('hex')}.part`,
    )
    try {
      const backup = await takeBackup(config, draft)
      if (values.verify) await restoreTemporarily(draft, backup)
      const { size } = statSync(draft)
      if (toOutput) await sendToOutput(draft)
      else {
        renameSync(draft, file)
        syncPath(folder)
      }
      report(toOutput ? 'the backup' : file, size, backup, values.verify === true)
    } finally {
      if (existsSync(draft)) rmSync(draft)
      if (toOutput) rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function sendToOutput(draft: string): Promise<void> {
  try {
    await pipeline(createReadStream(draft), process.stdout)
  } catch (error) {
    throw explain(error, 'Cannot write the backup to standard output')
  }
}

function refuseExisting(file: string, force: boolean): void {
  if (!existsSync(dirname(file)))
    throw new StartError(`The directory "${dirname(file)}" does not exist. Create it first.`, exit.cantCreate)
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats) return
  if (stats.isDirectory()) throw new StartError(`"${file}" is a directory. Name a file.`, exit.cantCreate)
  // The backup would replace it, even /dev/null.
  if (!stats.isFile())
    throw new StartError(`"${file}" is not a regular file. Use - for standard output.`, exit.cantCreate)
  if (!force)
    throw new StartError(`"${file}" already exists. Name another file, or add --force.`, exit.cantCreate)
}

async function restoreTemporarily(file: string, backup: Backup): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'duly-verify-'))
  try {
    await restoreInto(readConfig({ DATA_DIR: folder }), { file, backup, replace: false })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// To standard error: standard output may be the backup.
function report(file: string, size: number, { header, contents }: Backup, verified: boolean): void {
  const lines = [
    `Wrote ${file} (${(size / 1e6).toFixed(1)} MB): ${describeContents(contents)}. Verified ${verified ? 'by restoring it' : 'by checksum'}.`,
    header.secret === undefined
      ? 'It does not contain the secret. Store BETTER_AUTH_SECRET as well.'
      : 'It contains the secret: anyone who can read it can sign in as any user. Keep it private.',
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}
