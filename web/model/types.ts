import type { components } from '../../client/schema.ts'

export type { Write } from '../../client/sync/copy.ts'

type Schemas = components['schemas']

export type Task = Schemas['Task']
export type List = Schemas['ChangedList']
export type Settings = Schemas['Settings']
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
