import { join } from 'node:path'

// Test files that are treated apart from the others, by the start of their paths in test/.

/** What takes longest, the longest first: begun before all others. */
export const longest = [
  'front-ends.',
  'web',
  'operations.',
  'faults',
  'replicas-behind-nginx.',
  'snapshot.',
  'program.',
  'operator.',
  'docs.',
  'command-line.',
  'impatient-client.',
  'storage.',
  'first-migration.',
  'account-attacks.',
  'isolation.',
  'hostile-',
  'other-issuers.',
  'backup.',
  'doctor.',
  'sub-path.',
  'rate-limit.',
  'contracts.',
  'half-sent.',
  'unread-answers.',
  'restore.',
  'account-pages.',
  'openapi.',
]

/** They run hardly a line of server/ that others leave out, nor do the programs that they start. */
const uncovered = [
  'account-attacks',
  'account-growth',
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
  'operations',
  'other-issuers',
  'overload',
  'plans',
  'rate-limit',
  'replicas-behind-nginx',
  'sign-in-attacks',
  'snapshot',
  'storage',
  'sub-path',
  'unread-answers',
  'web/screens',
  'web/stories',
]

/** They need a process to themselves, since others change what it has only once. */
export const byThemselves = ['../server/accounts/passwords.']

/** Whether the coverage of a test file is not measured, to save processor time. */
export const isUncovered = (file: string): boolean =>
  file.includes('.uncovered.') || uncovered.some(name => file.includes(join('dist', 'test', name)))
