import { useState } from 'preact/hooks'
import { tl } from '../texts/later-texts.ts'
import { ImportError, type Progress, sendFile } from './send-file.ts'
import { beginImport, endImport, unfinishedImport } from './unfinished.ts'

export type Step = 'choose' | 'checking' | 'ready' | 'importing' | 'interrupted' | 'done'

/** Checks a file, imports it, and continues after a lost connection. */
export function useImport() {
  const [step, setStep] = useState<Step>('choose')
  const [file, setFile] = useState<File | undefined>()
  const [found, setFound] = useState<Progress | undefined>()
  const [progress, setProgress] = useState<Progress | undefined>()
  const [problem, setProblem] = useState('')
  const go = (next: Step, text = '') => {
    setStep(next)
    setProblem(text)
  }
  const check = async (chosen: File) => {
    go('checking')
    setFile(chosen)
    setProgress(undefined)
    try {
      setFound(await sendFile(chosen, unfinishedImport(chosen), true, setProgress))
      go('ready')
    } catch (error) {
      go('choose', error instanceof ImportError ? error.message : tl().needsNetwork)
    }
  }
  const run = async () => {
    if (!file) return
    go('importing')
    setProgress(undefined)
    try {
      await sendFile(file, beginImport(file), false, setProgress)
      endImport()
      go('done')
    } catch (error) {
      if (error instanceof ImportError) go('choose', error.message)
      else go('interrupted', tl().importInterrupted)
    }
  }
  return { step, found, progress, problem, check, run, cancel: () => go('choose') }
}
