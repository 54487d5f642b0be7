import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { cachedFolder } from './cached-folder.ts'

/**
 * A program that tests run, and a machine may not have: its possible names, and its Debian package.
 */
interface Wanted {
  readonly names: readonly string[]
  readonly debianPackage: string
  /** An environment variable with the path of one. */
  readonly variable: string
}

export interface Found {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
}

const programs = {
  nginx: { names: ['nginx'], debianPackage: 'nginx', variable: 'NGINX_PATH' },
  pgbouncer: { names: ['pgbouncer'], debianPackage: 'pgbouncer', variable: 'PGBOUNCER_PATH' },
  python: { names: ['python3'], debianPackage: 'python3', variable: 'PYTHON_PATH' },
  redis: {
    names: ['redis-server', 'valkey-server'],
    debianPackage: 'redis-server',
    variable: 'REDIS_SERVER_PATH',
  },
} satisfies Record<string, Wanted>

// Servers are often in directories that are not in the PATH of a user.
const serverFolders = ['/usr/local/sbin', '/usr/sbin']
/** The files of a package that its program needs; others configure a machine. */
const isPartOfProgram =
  /^(nginx-core|redis-tools|zlib1g|python3(\.\d+)?(-minimal)?|lib(?!c6$|crypt1$|gcc|stdc).*)$/

/**
 * The program in `variable` if set; else an installed one; else Debian's, unpacked without root.
 */
export function findProgram(program: keyof typeof programs): Found {
  const { names, debianPackage, variable } = programs[program]
  const named = process.env[variable]
  if (named !== undefined) return { path: named, env: process.env }
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...serverFolders]
  const installed = findIn(folders, names)
  if (installed !== undefined) return { path: installed, env: process.env }
  try {
    const folder = unpacked()
    const path = findIn([join(folder, 'usr', 'bin'), join(folder, 'usr', 'sbin')], names)
    if (path === undefined) throw new Error(`There is no ${names.join(' or ')} in Debian's packages.`)
    return { path, env: { ...process.env, LD_LIBRARY_PATH: librariesIn(folder) } }
  } catch (cause) {
    throw new Error(
      `Install ${names.join(' or ')} (on Debian: apt-get install ${debianPackage}), or set ${variable} to one, to run the tests with it.`,
      { cause },
    )
  }
}

function findIn(folders: readonly string[], names: readonly string[]): string | undefined {
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(path => existsSync(path))
}

/** Loads all of them at once, since updating the package lists takes most of the time. */
function unpacked(): string {
  return cachedFolder(join(tmpdir(), `duly-debian-programs-2-${process.getuid?.() ?? 'user'}`), download)
}

function download(folder: string): void {
  const lists = join(folder, 'lists')
  const cache = join(folder, 'cache')
  for (const path of [lists, cache]) mkdirSync(join(path, 'partial'), { recursive: true })
  // As root, apt downloads as a user who cannot read this directory.
  const settings = [`Dir::State::Lists=${lists}`, `Dir::Cache=${cache}`, 'APT::Sandbox::User=root']
  const options = settings.flatMap(setting => ['-o', setting])
  const run = (program: string, ...args: readonly string[]) =>
    String(execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }))
  run('apt-get', ...options, 'update')
  const wanted = new Set<string>(Object.values(programs).map(({ debianPackage }) => debianPackage))
  for (let fresh = [...wanted]; fresh.length > 0; ) {
    const asked = run('apt-cache', ...options, 'depends', ...fresh)
    const needed = [...asked.matchAll(/^ [ |](?:Pre)?Depends: (\S+)$/gm)].map(([, name = '']) => name)
    fresh = [...new Set(needed)].filter(name => isPartOfProgram.test(name) && !wanted.has(name))
    for (const name of fresh) wanted.add(name)
  }
  run('apt-get', ...options, 'download', ...wanted)
  for (const file of run('find', '.', '-maxdepth', '1', '-name', '*.deb').trim().split('\n'))
    run('dpkg-deb', '-x', file, '.')
  for (const path of [lists, cache]) rmSync(path, { recursive: true })
}

function librariesIn(folder: string): string {
  const found = execFileSync('find', [folder, '-name', '*.so.*', '-printf', '%h\\n'])
  return [...new Set(String(found).trim().split('\n'))].join(delimiter)
}
