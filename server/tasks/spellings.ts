// How a front end wrote what `priority`, `due` and `is_completed` mean, so that it gets back `HIGH`
// or `in_review`.

/** By the name on the wire. A change has null for those that it removes. */
export interface Spellings {
  readonly priority?: string | null
  readonly due_date?: string | null
  readonly status?: string | null
}

/**
 * SQL of the spellings after the flag is set. A status that no longer holds becomes `DONE` or
 * `TO_DO` if it was in capitals, and is removed otherwise.
 * @param isDone SQL of the new flag
 */
export const restated = (isDone: string) =>
  `case when old.spellings ->> 'status' is null or old.is_completed = (${isDone}) then old.spellings
    when old.spellings ->> 'status' = upper(old.spellings ->> 'status') and old.spellings ->> 'status' <> lower(old.spellings ->> 'status')
      then jsonb_set(old.spellings, '{status}', case when ${isDone} then '"DONE"'::jsonb else '"TO_DO"'::jsonb end)
    else old.spellings - 'status' end`

/**
 * What a change of values means for their spellings: another one, or none.
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
