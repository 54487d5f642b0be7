import type { FieldProblem } from '../errors.ts'
import { InvalidValue } from '../fields/field.ts'
import { problemOf } from '../fields/input.ts'
import { checkStorable } from '../fields/storable.ts'
import type { JsonObject } from '../http/json-body.ts'
import type { Schema } from '../openapi/operation.ts'
import { notValue } from '../quote.ts'
import type { Task } from '../tasks/fields.ts'
import type { Spellings } from '../tasks/spellings.ts'
import { checkTags, tagKey } from '../tasks/tags.ts'
import type { When } from '../tasks/when.ts'
import { isDoneWord } from './done-flag.ts'
import { dueDate, readDueDate } from './due-date.ts'

// Fields that front ends send in addition to those of their written contract. They are stored in
// the fields of `v1`. If the spelling differs, it is stored too, so that `HIGH` is returned as
// `HIGH`.

/** The part of a task from which the extra fields are derived. */
export type ExtraSource = Pick<Task, 'is_completed' | 'priority' | 'tags' | 'due' | 'metadata' | 'spellings'>

interface ExtraField {
  readonly schema: Schema
  readonly example: unknown
  /** As a client sees it. */
  show(task: ExtraSource): unknown
}

const maxCharacters = 50
const word = { type: ['string', 'null'], maxLength: maxCharacters }

export const extraFields: Readonly<
  Record<'priority' | 'due_date' | 'tags' | 'category' | 'status', ExtraField>
> = {
  priority: {
    schema: {
      ...word,
      description:
        'Any word. `low`, `medium`, `normal`, `high`, `urgent` and `critical` have a meaning for filters and orders; `none` clears.',
    },
    example: 'high',
    show: ({ priority, spellings }) => spellings.priority ?? priority,
  },
  due_date: {
    schema: {
      type: ['string', 'null'],
      description:
        'A date, a date with a time, or an instant with an offset or `Z`, which is returned in UTC.',
    },
    example: '2026-12-01',
    show: ({ due, spellings }) => spellings.due_date ?? dueDate(due),
  },
  tags: {
    schema: {
      type: 'array',
      items: { type: 'string' },
      description: 'Also accepted as one string with commas, or as objects with a `name`.',
    },
    example: ['garden'],
    show: ({ tags }) => tags,
  },
  category: {
    schema: word,
    example: 'home',
    show: ({ metadata: { category } }) => (typeof category === 'string' ? category : null),
  },
  status: {
    schema: {
      ...word,
      description:
        'Any word. `completed`, `complete`, `done`, `finished` and `closed` complete the task, every other word reopens it.',
    },
    example: 'pending',
    show: ({ is_completed, spellings }) => spellings.status ?? (is_completed ? 'completed' : 'pending'),
  },
}

export type ExtraName = keyof typeof extraFields
export const extraNames = Object.keys(extraFields) as ExtraName[]

/** The change of a task that follows from extra fields. */
interface ExtraChange {
  readonly priority?: Task['priority']
  readonly due?: When | null
  readonly tags?: readonly string[]
  readonly spellings?: Spellings
}

/** By words in lower case. */
const priorities: ReadonlyMap<string, 'low' | 'medium' | 'high'> = new Map([
  ['low', 'low'],
  ['medium', 'medium'],
  ['normal', 'medium'],
  ['high', 'high'],
  ['urgent', 'high'],
  ['critical', 'high'],
])

/** The priority for a word, if there is one. */
export const priorityOf = (text: string) => priorities.get(text.trim().toLowerCase()) ?? null

/**
 * Reads the extra fields of a body.
 * @param flag whether the body completes or reopens the task
 * @returns also `category` if it was sent: it is a member of the metadata
 */
export function readExtras(body: JsonObject, flag: boolean | undefined) {
  const change: { -readonly [Name in keyof ExtraChange]: ExtraChange[Name] } = {}
  const spellings: { -readonly [Name in keyof Spellings]: Spellings[Name] } = {}
  const problems: FieldProblem[] = []
  let category: string | null | undefined
  const read = (name: ExtraName, apply: (value: unknown) => void) => {
    const value = body[name]
    if (value === undefined) return
    try {
      apply(value)
    } catch (error) {
      problems.push(problemOf(error, name, `"${name}"`))
    }
  }
  read('priority', value => {
    const text = wordIn(value)
    const isNone = text === null || text.trim().toLowerCase() === 'none'
    change.priority = isNone ? null : priorityOf(text)
    spellings.priority = isNone || text === change.priority ? null : text
  })
  read('due_date', value => {
    const { due, spelling } = readDueDate(value)
    change.due = due
    spellings.due_date = spelling
  })
  read('tags', value => {
    change.tags = checkTags(distinct(namesIn(value)))
  })
  read('category', value => {
    category = wordIn(value)
  })
  read('status', value => {
    const text = wordIn(value)
    if (text === null) spellings.status = null
    else if (isDoneWord(text) === flag)
      spellings.status = text === (flag ? 'completed' : 'pending') ? null : text
  })
  if (Object.keys(spellings).length > 0) change.spellings = spellings
  return { change: change as ExtraChange, category, problems }
}

/** @throws InvalidValue */
function wordIn(value: unknown): string | null {
  if (value === null) return null
  if (typeof value !== 'string') throw new InvalidValue(`must be a string or null${notValue(value)}`)
  if (value.trim() === '') return null
  checkStorable(value)
  if (value.length > maxCharacters && Array.from(value).length > maxCharacters)
    throw new InvalidValue(`must have at most ${maxCharacters} characters, not ${Array.from(value).length}`)
  return value
}

/** @throws InvalidValue */
function namesIn(value: unknown): string[] {
  if (value === null) return []
  const entries = Array.isArray(value) ? value : [value]
  return entries.flatMap(entry => {
    const name: unknown = Array.isArray(value) && isNamed(entry) ? entry.name : entry
    if (typeof name !== 'string')
      throw new InvalidValue(`must be an array of strings, or a string with commas${notValue(name)}`)
    return name
      .split(',')
      .map(tag => tag.trim())
      .filter(tag => tag !== '')
  })
}

const isNamed = (value: unknown): value is { readonly name: unknown } =>
  typeof value === 'object' && value !== null && 'name' in value

/** Without those that repeat an earlier one. */
function distinct(tags: readonly string[]): string[] {
  const seen = new Set<string>()
  return tags.filter(tag => {
    const key = tagKey(tag)
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  })
}
