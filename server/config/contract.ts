import { setting } from './setting.ts'
import type { SettingsReader } from './settings-reader.ts'

export const contracts = ['task-api', 'stage-2', 'todo-app'] as const
export type ContractName = (typeof contracts)[number]

export const contractSettings = [
  setting(
    'CONTRACT',
    'task-api',
    'Wire format of `/api/{user_id}/tasks`: `task-api`, `stage-2` or `todo-app`.',
  ),
]

export interface ContractConfig {
  readonly contract: ContractName
}

export function readContract(reader: SettingsReader): ContractConfig {
  return { contract: reader.oneOf('CONTRACT', contracts, 'task-api') }
}
