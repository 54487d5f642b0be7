import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { npm } from './npm.mjs'

const patienceMs = 120_000

/**
 * Installs the package without a registry and without other packages, starts it in an empty
 * directory, and sends the request that it prints.
 * @throws if any step fails
 */
export async function tryPackage(file) {
  const folder = mkdtempSync(join(tmpdir(), 'duly-release-'))
  try {
    const [prefix, empty] = [join(folder, 'prefix'), join(folder, 'empty')]
    mkdirSync(empty)
    npm(
      ['install', '--global', '--offline', `--cache=${join(folder, 'cache')}`, `--prefix=${prefix}`, file],
      folder,
    )
    const PATH = [join(prefix, 'bin'), dirname(process.execPath)].join(delimiter)
    const env = { PATH, PORT: '0' }
    // The first start prints its curl command on standard error, beside the log.
    const stdio = ['ignore', 'ignore', 'pipe']
    const server = spawn('duly', { cwd: empty, env, stdio, timeout: patienceMs })
    const ended = new Promise((resolve, reject) => {
      server.once('error', reject)
      server.once('close', resolve)
    })
    await firstTask(server.stderr)
    server.kill('SIGINT')
    const code = await ended
    if (code !== 0) throw new Error(`The installed package ended with ${code}.`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function firstTask(output) {
  let printed = ''
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    printed += chunk
    const [, url, token] = /^curl (\S+) .*Bearer (\S+)'$/m.exec(printed) ?? []
    if (url === undefined) continue
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body: '{"title":"Say hello"}' })
    output.resume()
    if (answer.status !== 201) throw new Error(`The installed package returned ${answer.status}.`)
    return
  }
  throw new Error(`The installed package did not start:\n${printed}`)
}
