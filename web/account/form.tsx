import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { announce } from '../model/notices.ts'
import { problemOf } from '../parts/problem.ts'
import { tl } from '../texts/later-texts.ts'

interface FormProps {
  readonly submit: (fields: Readonly<Record<string, string>>) => Promise<unknown>
  readonly label: string
  /** The message after success. */
  readonly done?: string
  readonly isDanger?: boolean
  readonly children?: ComponentChildren
}

/** A form that calls the server, and shows errors beside its button. */
export function Form({ submit, label, done = tl().saved, isDanger = false, children }: FormProps) {
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  const run = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]))
    setBusy(true)
    setProblem('')
    try {
      await submit(fields)
      form.reset()
      if (done !== '') announce({ kind: 'done', text: done })
    } catch (error) {
      setProblem(problemOf(error))
    }
    setBusy(false)
  }
  return (
    <form onSubmit={run}>
      {children}
      <p role="alert" class={problem === '' ? 'hidden' : 'problem'}>
        {problem}
      </p>
      <button type="submit" class={`button ${isDanger ? 'danger' : ''}`} disabled={isBusy}>
        {label}
      </button>
    </form>
  )
}

interface FieldProps {
  readonly name: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password' | 'url'
  readonly autocomplete?: string
  readonly value?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly isOptional?: boolean
}

export function Field({
  name,
  label,
  type = 'text',
  isOptional = false,
  autocomplete = 'off',
  value,
  ...rest
}: FieldProps) {
  return (
    <label class="field">
      {label}
      <input
        name={name}
        // One of four input types, which JSX types distinguish.
        type={type as 'text'}
        autocomplete={autocomplete}
        required={!isOptional}
        dir="auto"
        // The value after a reset of the form.
        defaultValue={value}
        {...rest}
      />
    </label>
  )
}

/** A response of the server, and a function that requests it again. */
export function useAnswer<T>(read: () => Promise<T>): readonly [T | undefined, () => Promise<void>, string] {
  const [answer, setAnswer] = useState<T | undefined>()
  const [problem, setProblem] = useState('')
  const load = () =>
    read().then(
      value => {
        setAnswer(value)
        setProblem('')
      },
      error => setProblem(problemOf(error)),
    )
  useEffect(() => {
    void load()
  }, [])
  return [answer, load, problem] as const
}
