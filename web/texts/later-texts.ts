import type { LaterTexts } from './en.ts'
import { enLater } from './en.ts?later'
import { german } from './texts.ts'

/** The texts of later screens in the user's language. */
export const tl = (): LaterTexts => german()?.deLater ?? enLater
