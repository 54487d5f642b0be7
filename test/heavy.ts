import { join } from 'node:path'

// Test files with needs of their own, by the start of their paths in test/.

/** They run first, the longest first, each in its own process. */
export const longest = [
  'front-ends.',
  'web/',
  'operations.',
  'faults',
  'replicas-behind-nginx.',
  'snapshot.',
  'program.',
  'command-line.',
]

/** They cover almost no line of server/ that others do not. */
const uncovered = [
  'account-attacks',
  'account-growth',
  'account-pages',
  'app-files',
  'backup',
  'client-in-browser',
  'client-sync',
  'contracts.',
  'docs',
  'fair-reads',
  'faults',
  'first-migration',
  'front-ends',
  'half-sent',
  'hostile-',
  'impatient-client',
  'isolation',
  'kept-young',
  'long-data-dir',
  'openapi.',
  'operations',
  'other-issuers',
  'overload',
  'plans',
  'program',
  'rate-limit',
  'replicas-behind-nginx',
  'restore',
  'sign-in-attacks',
  'snapshot',
  'storage',
  'sub-path',
  'unread-answers',
  'web/',
  'webhooks',
]

/** They need their own process: other tests change its global state. */
export const byThemselves = ['../server/accounts/passwords.']

/** Whether the coverage of a test file is not measured, to save processor time. */
export const isUncovered = (file: string): boolean =>
  file.includes('.uncovered.') || uncovered.some(name => file.includes(join('dist', 'test', name)))
