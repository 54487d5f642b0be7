import { tl } from '../texts/later-texts.ts'
import { useImport } from './use-import.ts'

/** Imports an exported file. */
export function Import() {
  const { step, found, progress, problem, check, run, cancel } = useImport()
  const isBusy = step === 'checking' || step === 'importing'
  const choose = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement
    const [file] = input.files ?? []
    if (file) void check(file)
  }
  return (
    <>
      <p class="quiet">{tl().importAbout}</p>
      <label class="field">
        {tl().file}
        <input
          type="file"
          accept=".ndjson,.jsonl,application/x-ndjson"
          disabled={isBusy}
          onChange={choose}
          // The same file can be chosen again.
          onClick={event => {
            event.currentTarget.value = ''
          }}
        />
      </label>
      {isBusy ? (
        <progress
          aria-label={step === 'checking' ? tl().checking : tl().importing}
          // The number of lines is known once the file is checked.
          {...(step === 'importing' && { value: progress?.lines ?? 0, max: found?.lines || 1 })}
        />
      ) : null}
      <div role="status">
        {step === 'checking' ? <p>{tl().checkedLines(progress?.lines ?? 0)}</p> : null}
        {step === 'importing' ? <p>{tl().importedLines(progress?.lines ?? 0, found?.lines ?? 0)}</p> : null}
        {step === 'ready' && found ? <p>{tl().importFound(found)}</p> : null}
        {step === 'done' && progress ? <p>{tl().importDone(progress)}</p> : null}
      </div>
      <p role="alert" class={problem === '' ? 'hidden' : 'problem'} dir="auto">
        {problem}
      </p>
      {step === 'ready' || step === 'interrupted' ? (
        <div class="actions">
          <button type="button" class="button primary" onClick={run}>
            {step === 'ready' ? tl().import : tl().continue}
          </button>
          <button type="button" class="button" onClick={cancel}>
            {tl().cancel}
          </button>
        </div>
      ) : null}
    </>
  )
}
