import { InvalidValue } from './field.ts'

/** Whether PostgreSQL can store a text: without NUL characters and halves of surrogate pairs. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

/** @throws InvalidValue */
export function checkStorable(text: string): void {
  if (!isStorable(text))
    throw new InvalidValue('must not contain a NUL character or half of a surrogate pair')
}
