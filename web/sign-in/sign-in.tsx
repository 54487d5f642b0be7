import { useEffect, useState } from 'preact/hooks'
import { auth } from '../model/session.ts'
import { problemOf } from '../parts/problem.ts'
import { tl } from '../texts/later-texts.ts'
import type { SignInOptions, Step } from './enter.ts'
import { Forgot } from './forgot.tsx'
import { OtherWays } from './other-ways.tsx'
import { PasswordForm } from './password-form.tsx'
import { TryIt } from './try-it.tsx'
import { TwoFactor } from './two-factor.tsx'

export function SignIn() {
  const [step, setStep] = useState<Step>('in')
  const [options, setOptions] = useState<SignInOptions | undefined>()
  const [problem, setProblem] = useState('')
  useEffect(() => {
    auth<SignInOptions>('/options').then(setOptions, error => setProblem(problemOf(error)))
  }, [])
  const go = (next: Step) => {
    setProblem('')
    setStep(next)
  }
  /** Sends a request, and shows why it failed. */
  const attempt = async (run: () => Promise<void>) => {
    setProblem('')
    await run().catch(error => setProblem(problemOf(error)))
  }
  const props = { attempt, go }
  return (
    <main class="sign-in">
      <img src="./app/icon.svg" alt="" width="48" height="48" />
      <h1>{tl().signInTitles[step]}</h1>
      <p role="alert" class={problem === '' ? 'hidden' : 'problem'}>
        {problem}
      </p>
      {options?.try_it && step === 'in' ? <TryIt {...props} /> : null}
      {step === 'code' ? <TwoFactor {...props} /> : null}
      {step === 'forgot' ? <Forgot {...props} sendsEmail={options?.confirms_email ?? true} /> : null}
      {step === 'sent' ? <p>{tl().checkEmail}</p> : null}
      {step === 'operator' ? <p>{tl().askOperator}</p> : null}
      {step === 'in' || step === 'up' ? <PasswordForm {...props} isNew={step === 'up'} /> : null}
      {step === 'in' || step === 'up' ? <OtherWays {...props} providers={options?.providers ?? []} /> : null}
      <p class="switch">
        {step === 'in' && options?.sign_up ? (
          <button type="button" class="link-button" onClick={() => go('up')}>
            {tl().toSignUp}
          </button>
        ) : null}
        {step === 'in' ? (
          <button type="button" class="link-button" onClick={() => go('forgot')}>
            {tl().forgotPassword}
          </button>
        ) : (
          <button type="button" class="link-button" onClick={() => go('in')}>
            {tl().toSignIn}
          </button>
        )}
      </p>
    </main>
  )
}
