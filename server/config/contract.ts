import { setting } from './setting.ts'
import type { SettingsReader } from './settings-reader.ts'

export const contracts = ['task-api', 'stage-2', 'todo-app'] as const
export type ContractName = (typeof contracts)[number]

/**
 * What `CONTRACT_OPTIONS` may switch on: what contradicts the written contract, but a front end
 * needs.
 */
export const contractOptions = {
  'bare-list': 'lists are a bare array, of all tasks unless a page is asked for',
  'whole-list': 'lists hold all tasks unless a page is asked for',
  'delete-body': 'DELETE answers 200 with `{"success":true,"message":"…","id":n}`',
  'wrapped-task': 'single tasks are `{"task":{…}}`',
  counts: 'lists that are objects add `completed_count` and `pending_count`',
  defaults: '`priority` is `medium` and `category` is `other` where there is none',
  'error-object': 'errors are `{"error":{"code","message","details"},"detail":"…"}`',
} as const

export type ContractOption = keyof typeof contractOptions

const options = Object.keys(contractOptions) as ContractOption[]

export const contractSettings = [
  setting(
    'CONTRACT',
    'task-api',
    'Wire format of `/api/{user_id}/tasks`: `task-api`, `stage-2` or `todo-app`.',
  ),
  setting(
    'CONTRACT_OPTIONS',
    'none',
    `Changes to the wire format that some front ends need, separated by commas: ${options.map(name => `\`${name}\``).join(', ')}.`,
  ),
]

export interface ContractConfig {
  readonly contract: ContractName
  readonly contractOptions: readonly ContractOption[]
}

export function readContract(reader: SettingsReader): ContractConfig {
  return {
    contract: reader.oneOf('CONTRACT', contracts, 'task-api'),
    contractOptions: reader.someOf('CONTRACT_OPTIONS', options),
  }
}
