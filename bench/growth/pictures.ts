import type { ListFound } from './one-list.ts'
import { type Line, plotted } from './plot.ts'
import type { ReplicasFound } from './replicas.ts'
import type { RowsFound } from './rows.ts'
import type { WritesFound } from './writes.ts'

export interface Found {
  readonly rows: readonly RowsFound[]
  readonly lists: readonly ListFound[]
  readonly replicas: readonly ReplicasFound[]
  readonly writes: readonly WritesFound[]
}

/** Charts of the results, by file name. */
export function pictures({ rows, lists, replicas, writes }: Found): Record<string, string> {
  const line = <T>(
    name: string,
    items: readonly T[],
    x: (item: T) => number,
    y: (item: T) => number,
  ): Line => ({
    name,
    points: items.map(item => [x(item), y(item)] as const),
  })
  // The slowest of the six orders at each position in the list.
  const page = (place: string) => (list: ListFound) =>
    Math.max(
      ...Object.entries(list.pages).flatMap(([name, asked]) => (name.endsWith(place) ? [asked.p50] : [])),
    )
  const ofReplicas = (scenario: string) => replicas.filter(found => found.scenario === scenario)
  const count = (found: ReplicasFound) => found.replicas
  return {
    'rows.svg': plotted({
      title: 'Reading one task, as the table grows',
      x: 'rows of 10,000 owners',
      y: 'µs of CPU, ms',
      logarithmic: true,
      lines: [
        line(
          'server, µs of CPU',
          rows,
          found => found.rows,
          found => found.serverCpu,
        ),
        line(
          'PostgreSQL, µs of CPU',
          rows,
          found => found.rows,
          found => found.databaseCpu,
        ),
      ],
    }),
    'lists.svg': plotted({
      title: 'One user’s requests, as the list grows (slowest order)',
      x: 'tasks',
      y: 'ms, median',
      logarithmic: true,
      lines: [
        line('page at the start', lists, found => found.tasks, page('start')),
        line('in the middle', lists, found => found.tasks, page('middle')),
        line('at the end', lists, found => found.tasks, page('end')),
        line(
          'search',
          lists,
          found => found.tasks,
          found => found.search.p50,
        ),
      ],
    }),
    'replicas.svg': plotted({
      title: 'CPU per request, as replicas with the same load are added',
      x: 'replicas on one PostgreSQL',
      y: 'µs of CPU',
      lines: ['one task', 'update'].flatMap(scenario => [
        line(`${scenario}: replicas`, ofReplicas(scenario), count, found => found.even.serverCpu),
        line(`${scenario}: PostgreSQL`, ofReplicas(scenario), count, found => found.even.databaseCpu),
      ]),
    }),
    'writes.svg': plotted({
      title: 'Size on disk, as one user writes',
      x: 'writes to 1,000 tasks',
      y: 'KiB with indexes',
      lines: ['tasks', 'owners'].map(table =>
        line(
          table,
          writes,
          found => found.writes,
          found => (found.sizes[table] ?? 0) / 1024,
        ),
      ),
    }),
  }
}
