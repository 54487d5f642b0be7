import { enAccount } from './en.ts?account'
import { type AccountTexts, german } from './texts.ts'

/** The texts of the account in the user's language. */
export const ta = (): AccountTexts => german()?.deAccount ?? enAccount
