import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Env } from './served.ts'

// The commands on a page of the documentation, for tests that run them as a reader would.

export interface Block {
  /** The heading of its section. */
  readonly heading: string
  readonly lines: readonly string[]
}

/** The blocks in this language, in the order of the page. */
export function blocksOf(page: string, language = 'sh'): Block[] {
  const blocks: Block[] = []
  let heading = ''
  for (const [, title, tongue, text = ''] of page.matchAll(/^#+ ([^\n]+)$|^```(\w*)\n(.*?)^```$/gms)) {
    if (title !== undefined) heading = title
    else if (tongue === language) blocks.push({ heading, lines: text.trimEnd().split('\n') })
  }
  return blocks
}

/** The command of a line, without its comment. */
export const commandIn = (line: string): string => line.replace(/(^|\s+)# .*$/, '')

/** A directory for PATH with only these programs and scripts: any other command fails. */
export function makePath(folder: string, programs: readonly string[], scripts: Env): string {
  mkdirSync(folder, { recursive: true })
  for (const program of programs) symlinkSync(find(program), join(folder, program))
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

export interface Ran {
  readonly code: number | null
  readonly output: string
}

/** Runs a script with a shell that stops at the first failing line. */
export function shell(script: string, cwd: string, env: Env): Promise<Ran> {
  const child = spawn('sh', ['-eu', '-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, output }))
  })
}

function find(program: string): string {
  if (program === 'node') return process.execPath
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = folders.map(folder => join(folder, program)).find(path => existsSync(path))
  if (found === undefined) throw new Error(`${program} is not installed`)
  return found
}
