/** What was looked at, and what to do where it is not well. */
export interface Finding {
  readonly what: string
  /** Absent: all is well. */
  readonly mend?: string
}
