/** The result of one check. */
export interface Finding {
  readonly what: string
  /** How to fix it. Absent if the check passed. */
  readonly fix?: string
}
