import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Backup } from '../backup/read.ts'
import { syncPath } from '../backup/sync-path.ts'
import { environment, readConfig } from '../config.ts'
import { exit, StartError } from '../errors.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { describeContents } from './contents.ts'
import { putBack } from './put-back.ts'
import { takeBackup } from './take-backup.ts'

const help = `Usage: duly backup FILE [--force] [--verify]

Writes all that is in the database into FILE, as it is at one moment, while a server runs or not. The file is
compressed, and readable by you only: it holds password hashes, sessions and, where the secret was made by
Duly, the secret. duly restore brings it back, into an embedded database or a PostgreSQL.

  FILE       - for the standard output
  --force    write over a file that is there
  --verify   restore it into a database that is thrown away, and compare all rows; else the file itself is read
             again, and compared with the checksums of what was read from the database`

export const backupCommand: Command = {
  help,
  async run(args) {
    const { values, positionals } = readArguments(
      args,
      { force: { type: 'boolean' }, verify: { type: 'boolean' } },
      true,
    )
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0)
      throw new StartError('Say into which file: duly backup FILE', exit.usage)
    const config = readConfig(environment())
    const toOutput = name === '-'
    const file = resolve(name)
    if (!toOutput) refuseWhatIsThere(file, values.force === true)
    const folder = toOutput ? mkdtempSync(join(tmpdir(), 'duly-')) : dirname(file)
    const draft = join(
      folder,
      `${toOutput ? 'backup' : basename(file)}.${randomBytes(4).toString('hex')}.part`,
    )
    try {
      const backup = await takeBackup(config, draft)
      if (values.verify) await restoreForTrial(draft, backup)
      const { size } = statSync(draft)
      if (toOutput) await pipeline(createReadStream(draft), process.stdout)
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

function refuseWhatIsThere(file: string, force: boolean): void {
  if (!existsSync(dirname(file)))
    throw new StartError(`There is no folder ${dirname(file)}.`, exit.cantCreate)
  if (!existsSync(file)) return
  if (statSync(file).isDirectory()) throw new StartError(`${file} is a folder: name a file.`, exit.cantCreate)
  if (!force)
    throw new StartError(`${file} is there already. Name another one, or say --force.`, exit.cantCreate)
}

async function restoreForTrial(file: string, backup: Backup): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'duly-verify-'))
  try {
    await putBack(readConfig({ DATA_DIR: folder }), { file, backup, replace: false })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// To where people look, and never into the backup itself.
function report(file: string, size: number, { header, contents }: Backup, verified: boolean): void {
  const lines = [
    `${file}: ${describeContents(contents)}; ${(size / 1e6).toFixed(1)} MB, ${verified ? 'restored for a trial' : 'read again'}, whole.`,
    header.secret === undefined
      ? 'The secret is not in it: keep BETTER_AUTH_SECRET as well.'
      : 'The secret is in it: whoever reads it can sign in as anyone. Keep it where only you can.',
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}
