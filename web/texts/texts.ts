import { en, type Texts } from './en.ts'

let loaded: typeof import('./de.ts') | undefined

/** The texts in German, if the user reads them. */
export const german = () => loaded

/** The texts of the user's language. */
export const t = (): Texts => loaded?.de ?? en

export const languages = { en: 'English', de: 'Deutsch' } as const
type Language = keyof typeof languages

const isLanguage = (name: string | undefined): name is Language => name !== undefined && name in languages

/** The first language of the browser that the app has. */
export const browserLanguage = (): Language =>
  navigator.languages.map(tag => tag.split('-')[0]).find(isLanguage) ?? 'en'

/** Loads the texts of a language. An empty or unknown one means the browser's. */
export async function loadTexts(language: string): Promise<void> {
  const [wanted] = language.split('-')
  const chosen = isLanguage(wanted) ? wanted : browserLanguage()
  loaded = chosen === 'de' ? await import('./de.ts') : undefined
  document.documentElement.lang = chosen
}
