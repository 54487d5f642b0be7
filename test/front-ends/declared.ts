import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What the front end of a contract expects: its contract.json. */
export interface Declared {
  /** `CONTRACT_OPTIONS` of the program. */
  readonly options: readonly string[]
  readonly collection: string
  /** Key → kind, without the extra fields. */
  readonly task: Readonly<Record<string, string>>
  readonly flag: string
  readonly absentDescription: string | null
  readonly list: 'bare' | Readonly<Record<string, string>>
  /** The parameter that skips tasks, if there is one. */
  readonly window: string | null
  readonly put: 'whole' | 'sent'
  readonly toggle: boolean
  readonly createsCompleted: boolean
  readonly deleted: { readonly status: number; readonly body?: object }
  readonly longest: { readonly title: number; readonly description: number }
  readonly statuses: Readonly<Record<string, number>>
  readonly error: Readonly<Record<string, string>>
  readonly codes?: Readonly<Record<string, string>>
}

export const frontEnds = fileURLToPath(new URL('../../../test/front-ends/', import.meta.url))
export const contractNames = ['task-api', 'stage-2', 'todo-app', 'todos'] as const

export function declared(name: string): Declared {
  return JSON.parse(readFileSync(`${frontEnds}${name}/contract.json`, 'utf8'))
}
