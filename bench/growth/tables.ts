import type { Found } from './pictures.ts'

/** The results as text, without the parts that were not requested. */
export function tables({ rows, lists, replicas, writes }: Found): string {
  const table = (title: string, head: readonly string[], lines: readonly (readonly string[])[]) =>
    lines.length === 0
      ? ''
      : [title, ...[head, ...lines].map(cells => cells.map(cell => cell.padStart(16)).join('')), '', ''].join(
          '\n',
        )
  const worst = (pages: Found['lists'][number]['pages'], place: string) =>
    Math.max(...Object.entries(pages).flatMap(([name, { p50 }]) => (name.endsWith(place) ? [p50] : [])))
  return [
    table(
      'Reading one task, sequentially',
      ['rows', 'p50 ms', 'p95 ms', 'server µs', 'database µs'],
      rows.map(found => [
        String(found.rows),
        found.p50.toFixed(2),
        found.p95.toFixed(2),
        found.serverCpu.toFixed(0),
        found.databaseCpu.toFixed(0),
      ]),
    ),
    table(
      'One list: pages of 50 in the slowest order, search, and the whole list at once (p50 ms)',
      ['tasks', 'start', 'middle', 'end', 'search', 'whole, MB', 'RSS +MiB'],
      lists.map(({ tasks, pages, search, streamedBytes, streamedRss }) => [
        String(tasks),
        ...['start', 'middle', 'end'].map(place => worst(pages, place).toFixed(2)),
        search.p50.toFixed(2),
        (streamedBytes / 1e6).toFixed(1),
        streamedRss.toFixed(0),
      ]),
    ),
    table(
      'Replicas on one PostgreSQL: as fast as they respond, and at the same rate for each',
      ['replicas', 'call', 'load', 'requests/s', 'server µs', 'database µs', 'errors'],
      replicas.flatMap(({ replicas: count, scenario, full, even }) =>
        Object.entries({ full, even }).map(([load, cost]) => [
          String(count),
          scenario,
          load,
          cost.requestsPerSecond.toFixed(0),
          cost.serverCpu.toFixed(0),
          cost.databaseCpu.toFixed(0),
          String(cost.errors),
        ]),
      ),
    ),
    table(
      'Writes of one user to 1,000 tasks: KiB on disk',
      ['writes', 'tasks', 'owners', 'read p50 ms'],
      writes.map(({ writes: count, sizes, p50 }) => [
        String(count),
        ...['tasks', 'owners'].map(name => ((sizes[name] ?? 0) / 1024).toFixed(0)),
        p50.toFixed(2),
      ]),
    ),
  ].join('')
}
