import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

// CPU time and memory of processes, from proc(5); on other systems from `ps`, without descendants.

interface Entry {
  readonly pid: number
  readonly parent: number
  /** Clock ticks of user and system time, of the process and of its ended children. */
  readonly own: number
  readonly ofEnded: number
}

const linux = process.platform === 'linux'
const ticksPerSecond = linux ? Number(execFileSync('getconf', ['CLK_TCK']).toString()) : 100

/** @returns microseconds of user and system time of a process, its threads and its descendants */
export function cpuMicroseconds(pid: number): number {
  if (!linux) return timeThatPsTells(pid)
  const family = familyOf(pid)
  const ticks = family.reduce((sum, { own, ofEnded }) => sum + own + ofEnded, 0)
  return (ticks / ticksPerSecond) * 1e6
}

/** @returns the sum of the peak memory of a process and its descendants, in mebibytes */
export function peakRss(pid: number): number | undefined {
  return linux ? sumOf(pid, /VmHWM:\s+(\d+)/) : undefined
}

/** Resets the peak. */
export function forgetPeakRss(pid: number): void {
  if (!linux) return
  for (const member of familyOf(pid)) {
    try {
      writeFileSync(`/proc/${member.pid}/clear_refs`, '5')
    } catch {
      // Kernels without it report the peak since the start of the process.
    }
  }
}

/** @returns mebibytes that a process and its descendants use now */
export function rss(pid: number): number | undefined {
  return linux ? sumOf(pid, /VmRSS:\s+(\d+)/) : undefined
}

function sumOf(pid: number, line: RegExp): number {
  const kibibytes = familyOf(pid).map(member => {
    const [, found] = line.exec(read(`/proc/${member.pid}/status`)) ?? []
    return Number(found ?? 0)
  })
  return kibibytes.reduce((sum, value) => sum + value, 0) / 1024
}

function familyOf(pid: number): readonly Entry[] {
  const all = readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? (entryOf(Number(name)) ?? []) : []))
  const family = all.filter(entry => entry.pid === pid)
  // Repeats until no further children are found.
  for (const member of family) family.push(...all.filter(({ parent }) => parent === member.pid))
  return family
}

function entryOf(pid: number): Entry | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === '') return undefined
  // The name, in parentheses, may contain spaces: fields are counted after it.
  const fields = stat
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  const at = (n: number) => fields[n] ?? 0
  return { pid, parent: at(1), own: at(11) + at(12), ofEnded: at(13) + at(14) }
}

// A process may end between listing and reading it.
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function timeThatPsTells(pid: number): number {
  const [seconds = 0, minutes = 0, hours = 0] = execFileSync('ps', ['-o', 'cputime=', '-p', String(pid)])
    .toString()
    .trim()
    .split(':')
    .reverse()
    .map(Number)
  return (seconds + 60 * minutes + 3600 * hours) * 1e6
}
