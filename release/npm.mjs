import { spawnSync } from 'node:child_process'

/** Runs npm in this directory. @returns its output @throws Error with its output if it fails */
export function npm(args, folder, stderr = 'pipe') {
  const {
    status,
    stdout,
    stderr: said,
  } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', stderr],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${said ?? ''}`)
  return stdout
}
