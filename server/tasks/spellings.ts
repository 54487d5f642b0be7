// The texts that a front end sent for `priority`, `due` and `is_completed`, such as `HIGH` or
// `in_review`. It gets them back as it sent them.

/** By name on the wire. In a change, null removes one. */
export interface Spellings {
  readonly priority?: string | null
  readonly due_date?: string | null
  readonly status?: string | null
}

/**
 * SQL: the spellings after the flag is set. A status that contradicts the flag becomes `DONE` or
 * `TO_DO` if it was in capitals; otherwise it is removed.
 * @param isDone SQL: the new flag
 */
export const restated = (isDone: string) =>
  `case when old.spellings ->> 'status' is null or old.is_completed = (${isDone}) then old.spellings
    when old.spellings ->> 'status' = upper(old.spellings ->> 'status') and old.spellings ->> 'status' <> lower(old.spellings ->> 'status')
      then jsonb_set(old.spellings, '{status}', case when ${isDone} then '"DONE"'::jsonb else '"TO_DO"'::jsonb end)
    else old.spellings - 'status' end`

/**
 * The change of the spellings that follows from a change of values: a new value has the given
 * spelling, or none.
 * @param change values by field
 */
export function spellingsOf(change: {
  readonly priority?: unknown
  readonly due?: unknown
  readonly spellings?: Spellings | null
}): Spellings | undefined {
  const spellings = {
    ...(change.priority === undefined ? {} : { priority: null }),
    ...(change.due === undefined ? {} : { due_date: null }),
    ...change.spellings,
  }
  return Object.keys(spellings).length > 0 ? spellings : undefined
}
