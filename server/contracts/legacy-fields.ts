import type { ContractOption } from '../config/contract.ts'
import type { DataRow } from '../db/data-row.ts'
import { schemaOf } from '../fields/schema.ts'
import type { Schema } from '../openapi/operation.ts'
import { type Task, type TaskField, tasks } from '../tasks/fields.ts'
import type { Computed, PrintedField } from '../tasks/printed-tasks.ts'
import type { Legacy } from './declaration.ts'
import { flagNames } from './done-flag.ts'
import { type ExtraName, type ExtraSource, extraFields, extraNames } from './extra-fields.ts'
import { ownerSchema } from './task-schemas.ts'

/** A field of a task as a contract shows it. */
export interface ShownField {
  readonly name: string
  readonly schema: Schema
  /** The value as JSON. @param owner the owner as JSON */
  of(task: Task, owner: string): string
  /** How a list prints it, and the text for null. */
  readonly part: PrintedField | Computed
  readonly none?: string
}

/** The fields that a contract shows, in their order. */
export function shownFields(
  { shows, completed, absent }: Legacy,
  options: readonly ContractOption[],
): readonly ShownField[] {
  const flags = flagNames(completed)
  const own = shows.map((name): ShownField => {
    if (name === 'user_id') return { name, schema: ownerSchema, of: (_, owner) => owner, part: 'user_id' }
    const field = flags.includes(name) ? 'is_completed' : name
    if (!Object.hasOwn(tasks.fields, field)) throw new Error(`no field is called ${name}`)
    const known = field as TaskField
    const isDescription = known === 'description'
    // `v1` may have stored a longer text than the contract accepts.
    const schema = schemaOf(tasks.fields[known])
    return {
      name,
      schema: isDescription && absent !== null ? { ...schema, type: 'string' } : schema,
      of: task => JSON.stringify(isDescription ? (task.description ?? absent) : task[known]),
      part: known,
      none: JSON.stringify(isDescription ? absent : null),
    }
  })
  const extras = extraNames.map((name): ShownField => {
    const { schema, show } = extraFields[name]
    const fallback = options.includes('defaults') ? defaults[name] : undefined
    const json = (task: ExtraSource) => JSON.stringify(show(task) ?? fallback ?? null)
    const plain = { open: json(noExtras), done: json({ ...noExtras, is_completed: true }) }
    const isPlain = (row: DataRow, from: number) =>
      sources[name].every(source => row.isNull(from + tasks.placeOf(source)))
    const sourceOf = (row: DataRow, from: number): ExtraSource => ({
      ...noExtras,
      is_completed: row.flag(from + flagPlace),
      ...Object.fromEntries(sources[name].map(source => [source, tasks.readOne(source, row, from)])),
    })
    return {
      name,
      schema: fallback === undefined ? schema : { ...schema, default: fallback },
      of: json,
      part: (row, from) =>
        isPlain(row, from) ? plain[row.flag(from + flagPlace) ? 'done' : 'open'] : json(sourceOf(row, from)),
    }
  })
  return [...own, ...extras]
}

const flagPlace = tasks.placeOf('is_completed')

const noExtras: ExtraSource = {
  ...{ is_completed: false, priority: null, tags: [], due: null, metadata: {}, spellings: {} },
}

const defaults: Readonly<Partial<Record<ExtraName, string>>> = { priority: 'medium', category: 'other' }

/**
 * The columns from which an extra field is derived, in addition to the flag. If all are null, the
 * field has no value.
 */
const sources: Readonly<Record<ExtraName, readonly TaskField[]>> = {
  priority: ['priority', 'spellings'],
  due_date: ['due', 'spellings'],
  tags: ['tags'],
  category: ['metadata'],
  status: ['spellings'],
}
