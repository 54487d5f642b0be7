import type { components } from '../../client/schema.ts'

type Schemas = components['schemas']

export type Task = Schemas['Task']
export type List = Schemas['ChangedList']
export type Settings = Schemas['Settings']
export type ChangePage = Schemas['ChangeList']
export type TrashPage = Schemas['TrashList']
export type HistoryPage = Schemas['History']
export type TokenPage = Schemas['TokenList']
export type Priority = NonNullable<Task['priority']>

export interface When {
  readonly date: string
  readonly time?: string
  readonly time_zone?: string
  readonly at?: string
}

export interface User {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly twoFactorEnabled?: boolean | null
}

export type ItemType = 'task' | 'list' | 'settings'

/** What a write does to one item, before the server has confirmed it. `null` removes the item. */
export interface Effect {
  readonly type: ItemType
  readonly id: number
  readonly set: Readonly<Record<string, unknown>> | null
}

/** A write that waits to be sent, or that the server has refused. */
export interface Write {
  readonly seq: number
  readonly key: string
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly json?: unknown
  readonly effects: readonly Effect[]
  /** What the user did, in words. */
  readonly label: string
  /** For a change of text: the values that the user started from. */
  readonly basedOn?: Readonly<Record<string, unknown>>
  readonly problem?: Problem
}

export interface Problem {
  readonly kind: 'conflict' | 'gone' | 'refused'
  readonly message: string
  /** The task as the server has it. */
  readonly theirs?: Task
}
