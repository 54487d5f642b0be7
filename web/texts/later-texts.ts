import { enLater } from './en.ts?later'
import { german, type LaterTexts } from './texts.ts'

/** The texts of later screens in the user's language. */
export const tl = (): LaterTexts => german()?.deLater ?? enLater
