import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findProgram } from './debian-program.ts'

export interface Nginx {
  readonly url: string
  stop(): Promise<void>
}

export interface NginxOptions {
  /** A file of deploy/nginx. */
  readonly example?: 'duly.conf' | 'sub-path.conf'
  /** Changes of a test to its text. */
  readonly change?: (conf: string) => string
}

/**
 * nginx with a file of `deploy/nginx` and other ports.
 * @param replicas the ports, one for each server in the file
 */
export async function startNginx(
  port: number,
  replicas: readonly number[],
  { example = 'duly.conf', change = conf => conf }: NginxOptions = {},
): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'duly-nginx-'))
  const conf = readFileSync(new URL(`../../deploy/nginx/${example}`, import.meta.url), 'utf8')
  writeFileSync(join(folder, 'duly.conf'), change(withPorts(conf, port, replicas)))
  writeFileSync(join(folder, 'nginx.conf'), around(folder))
  const { path, env } = findProgram('nginx')
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']
  const server = spawn(path, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let printed = ''
  server.stderr.on('data', chunk => {
    printed = `${printed}${chunk}`.slice(-10_000)
  })
  const exited = new Promise(resolve => server.once('exit', resolve))
  const killed = () => server.kill('SIGTERM')
  process.once('exit', killed)
  const url = `http://127.0.0.1:${port}`
  await untilItAnswers(url, () => {
    assert.equal(server.exitCode, null, `nginx ended instead of listening: ${printed}`)
  })
  return {
    url,
    async stop() {
      process.removeListener('exit', killed)
      server.kill('SIGTERM')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function withPorts(conf: string, port: number, replicas: readonly number[]): string {
  let n = 0
  const text = conf
    .replaceAll(/(?<=^\s*(?:server|proxy_pass http:\/\/) ?)127\.0\.0\.1:\d+/gm, () => {
      n += 1
      return `127.0.0.1:${replicas[n - 1]}`
    })
    .replace('listen 8080;', `listen 127.0.0.1:${port};`)
  assert.equal(n, replicas.length)
  return text
}

/** What an installed nginx has in its own configuration. */
function around(folder: string): string {
  const uses = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
    daemon off;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    worker_processes 1;
    pid ${folder}/nginx.pid;
    events {}
    http {
      access_log off;
      ${uses.map(use => `${use}_temp_path ${folder}/${use};`).join('\n      ')}
      include ${folder}/duly.conf;
    }
  `
}

async function untilItAnswers(url: string, otherwise: () => void): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    try {
      await fetch(`${url}/metrics`)
      return
    } catch (error) {
      otherwise()
      if (Date.now() > deadline) throw error
      await pause(50)
    }
  }
}
