import { existsSync, realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isClone } from '../version.ts'

/**
 * The command line that runs this program, up to the name of a command.
 * @param path the PATH of the process
 * @param settings settings that another terminal does not have
 */
export function typed(path: string, settings: Readonly<Record<string, string>> = {}): string {
  const engine = engineOf()
  const folders = path.split(delimiter)
  // Every command in a container has the container's settings.
  if (engine !== undefined && folders.some(folder => existsSync(join(folder, 'duly'))))
    return `${engine} duly`
  const assignments = Object.entries(settings).map(([name, value]) => `${name}=${shellQuoted(value)} `)
  return assignments.join('') + programOf(folders)
}

function programOf(folders: readonly string[]): string {
  if (isClone) return 'npm run -s duly --'
  const program = fileURLToPath(new URL('../cli.js', import.meta.url))
  const isThis = (file: string) => existsSync(file) && realpathSync(file) === realpathSync(program)
  // npm adds folders to PATH that a terminal does not have.
  const own = folders.filter(folder => !/[\\/](node_modules[\\/]\.bin|_npx)\b/.test(folder))
  if (own.some(folder => isThis(join(folder, 'duly')) || isThis(besideWindowsCommand(folder)))) return 'duly'
  if (isThis(join('node_modules', '.bin', 'duly'))) return 'npx duly'
  return `node ${shellQuoted(program)}`
}

/** On Windows, npm creates the script `duly.cmd` next to the packages. */
function besideWindowsCommand(folder: string): string {
  return join(folder, 'node_modules', 'duly', 'dist', 'server', 'cli.js')
}

function engineOf(): string | undefined {
  if (existsSync('/var/run/secrets/kubernetes.io')) return `kubectl exec ${hostname()} --`
  if (existsSync('/run/.containerenv')) return `podman exec ${hostname()}`
  if (existsSync('/.dockerenv')) return `docker exec ${hostname()}`
  return undefined
}

function shellQuoted(text: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
