import { createTask } from '../model/actions.ts'
import { discard, retry } from '../model/copy.ts'
import { useStore } from '../model/store.ts'
import type { Write } from '../model/types.ts'
import { saveFile } from '../parts/save-file.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

/** Writes that have not reached the server, and rejected ones. */
export function Waiting() {
  const writes = useStore(state => state.writes)
  return (
    <section class="screen">
      <header class="screen-head">
        <h1>{t().views.waiting}</h1>
      </header>
      <p role="status" class="quiet">
        {writes.length === 0 ? t().emptyViews.waiting : tl().waitingAbout}
      </p>
      <ul class="rows">
        {writes.map(write => (
          <li key={write.key}>
            {write.problem ? <Refused write={write} /> : <span dir="auto">{write.label}</span>}
          </li>
        ))}
      </ul>
      {writes.length > 0 ? (
        <button type="button" class="button" onClick={() => downloadWrites(writes)}>
          {tl().download}
        </button>
      ) : null}
    </section>
  )
}

function Refused({ write }: { readonly write: Write }) {
  const { problem, operations, key, label = '' } = write
  const mine = textsIn(operations[0])
  const asNew = () => {
    createTask({ title: mine.title ?? label, ...(mine.description && { description: mine.description }) })
    discard(key)
  }
  return (
    <div class="conflict">
      <strong dir="auto">{label}</strong>
      <p>{problem?.kind === 'refused' ? problem.message : tl().problemKinds[problem?.kind ?? 'refused']}</p>
      <dl>
        {Object.entries(mine).map(([name, text]) => (
          <>
            <dt>{tl().yours}</dt>
            <dd dir="auto">{text}</dd>
            {problem?.theirs ? (
              <>
                <dt>{tl().theirs}</dt>
                <dd dir="auto">{String(problem.theirs[name] ?? '')}</dd>
              </>
            ) : null}
          </>
        ))}
      </dl>
      <p class="actions">
        {problem?.kind === 'gone' ? null : (
          <button type="button" class="button primary" onClick={() => retry(key)}>
            {problem?.kind === 'conflict' ? tl().keepMine : tl().sendAgain}
          </button>
        )}
        {Object.keys(mine).length === 0 ? null : (
          <button type="button" class="button" onClick={asNew}>
            {tl().asNewTask}
          </button>
        )}
        <button type="button" class="button" onClick={() => discard(key)}>
          {problem?.kind === 'conflict' ? tl().keepTheirs : tl().discard}
        </button>
      </p>
    </div>
  )
}

function textsIn(operation: unknown): Partial<Record<'title' | 'description', string>> {
  const { task, list, changes } = Object(operation)
  const { title, description } = Object(task ?? list ?? changes)
  return {
    ...(typeof title === 'string' && { title }),
    ...(typeof description === 'string' && { description }),
  }
}

/** Saves unsent writes as a file. */
export function downloadWrites(writes: readonly Write[]): void {
  const text = JSON.stringify(
    writes.map(({ label, operations }) => ({ label, operations })),
    null,
    2,
  )
  saveFile(new Blob([text], { type: 'application/json' }), 'duly-unsent.json')
}
