import { exit, StartError } from './errors.ts'

/** The meaning of an error code of the operating system or of name resolution, and the fix. */
interface Known {
  readonly reason: string
  readonly fix: string
  readonly exitCode: number
}

const known = (reason: string, fix: string, exitCode: number): Known => ({ reason, fix, exitCode })

const unresolved = known('the host name cannot be resolved', 'Check its spelling and DNS.', exit.unavailable)
const noSpace = (reason: string) => known(reason, 'Free some space.', exit.cantCreate)
const unreachable = (reason: string) =>
  known(reason, 'Check the address, and that the server is running.', exit.unavailable)
const tooManyFiles = known(
  'too many files are open',
  'Raise the limit, for example with "ulimit -n 65536".',
  exit.osErr,
)

const codes: Readonly<Record<string, Known>> = {
  EACCES: known(
    'permission denied',
    'Run Duly as a user who has access, or change the permissions.',
    exit.noPerm,
  ),
  EPERM: known('operation not permitted', 'Run Duly as a user with this permission.', exit.noPerm),
  EROFS: known('the file system is read-only', 'Use a path on a writable file system.', exit.cantCreate),
  ENOSPC: noSpace('the disk is full'),
  EDQUOT: noSpace('the disk quota is used up'),
  EFBIG: noSpace('the file would be too large for its file system'),
  ENOENT: known('it does not exist', 'Check the path.', exit.noInput),
  EISDIR: known('it is a directory', 'Use the path of a file.', exit.noInput),
  // See regular-file.ts.
  ENOTREG: known('it is not a regular file', 'Use the path of a file.', exit.noInput),
  ENOTDIR: known('part of the path is not a directory', 'Check the path.', exit.noInput),
  EEXIST: known('it already exists', 'Use another path.', exit.cantCreate),
  ENOTEMPTY: known('the directory is not empty', 'Use another path.', exit.cantCreate),
  ENAMETOOLONG: known('the path is too long', 'Use a shorter path.', exit.cantCreate),
  ELOOP: known('the path has a loop of symbolic links', 'Check the path.', exit.noInput),
  EBUSY: known('it is in use', 'Stop the program that uses it.', exit.unavailable),
  ETXTBSY: known('it is in use', 'Stop the program that uses it.', exit.unavailable),
  EIO: known('the device reported an error', 'Check the disk.', exit.ioErr),
  ENXIO: known('there is no such device', 'Check the path.', exit.ioErr),
  EMFILE: tooManyFiles,
  ENFILE: tooManyFiles,
  ENOMEM: known('there is not enough memory', 'Make more memory available.', exit.osErr),
  EAGAIN: known('a limit of the system is reached', 'Raise it, or try again later.', exit.osErr),
  EPIPE: known('the reader closed the pipe', 'Read all of the output.', exit.ioErr),
  ENOTFOUND: unresolved,
  EAI_AGAIN: unresolved,
  EAI_FAIL: unresolved,
  EAI_NODATA: unresolved,
  EAI_NONAME: unresolved,
  ECONNREFUSED: unreachable('the connection was refused'),
  ECONNRESET: unreachable('the connection was closed by the other side'),
  EHOSTUNREACH: unreachable('the host cannot be reached'),
  ENETUNREACH: unreachable('the network cannot be reached'),
  ETIMEDOUT: unreachable('the connection timed out'),
  EADDRINUSE: known(
    'the port is in use',
    'Stop the program that uses it, or choose another port.',
    exit.unavailable,
  ),
  EADDRNOTAVAIL: known(
    'this machine does not have the address',
    'Choose an address of this machine.',
    exit.unavailable,
  ),
  EINVAL: known('the system rejected it as invalid', 'Check the value.', exit.unavailable),
  EAFNOSUPPORT: known(
    'this machine does not support the address family',
    'Choose another address.',
    exit.unavailable,
  ),
}

/** System calls as verbs for the start of a message. */
const verbs: Readonly<Record<string, string>> = {
  access: 'open',
  bind: 'listen on',
  chmod: 'change',
  connect: 'connect to',
  copyfile: 'copy',
  fsync: 'write',
  ftruncate: 'write',
  getaddrinfo: 'find',
  link: 'create',
  listen: 'listen on',
  lstat: 'read',
  mkdir: 'create',
  mkdtemp: 'create',
  open: 'open',
  read: 'read',
  rename: 'write',
  rm: 'remove',
  rmdir: 'remove',
  scandir: 'read',
  spawn: 'start',
  stat: 'read',
  statfs: 'read',
  symlink: 'create',
  unlink: 'remove',
  uv_cwd: 'find',
  write: 'write',
}

/** Why a system call failed, in words, if the operator can fix it. */
export function reasonOf(error: unknown): string | undefined {
  return knownOf(error)?.reason
}

/**
 * Turns a failure that an operator can fix into one sentence with the fix. Returns any other error
 * unchanged.
 * @param what what failed, such as `Cannot read the settings in "/srv/.env"`; by default derived
 * from the system call
 * @param fix replaces the default fix
 */
export function explain(error: unknown, what = deedOf(error), fix?: string): unknown {
  const found = knownOf(error)
  if (!found) return error
  return new StartError(`${what}: ${found.reason}. ${fix ?? found.fix}`, found.exitCode, { cause: error })
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function knownOf(error: unknown): Known | undefined {
  const code = codeOf(error)
  return code !== undefined && Object.hasOwn(codes, code) ? codes[code] : undefined
}

function deedOf(error: unknown): string {
  // Node adds these to the errors of system calls.
  const {
    syscall = '',
    path,
    dest,
    address,
    hostname,
    port,
  } = error as NodeJS.ErrnoException & {
    dest?: string
    address?: string
    hostname?: string
    port?: number
  }
  if (syscall === 'uv_cwd') return 'Cannot find the current directory'
  const place = dest ?? path ?? hostname ?? address
  const named = place === undefined ? '' : ` "${port === undefined ? place : `${place}:${port}`}"`
  const [name = ''] = syscall.split(' ')
  const deed = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  return deed === undefined
    ? `A system call failed${named && ` for${named}`}`
    : `Cannot ${deed}${named || ' a file'}`
}
