import { base, forgetToken, token } from '../model/session.ts'

/** The number of lines that the server has read, and imported. */
export interface Progress {
  readonly lines: number
  readonly lists: number
  readonly tasks: number
  /** Lines that an earlier attempt has imported. */
  readonly skipped: number
  readonly done: boolean
}

interface Problem {
  readonly detail: string
}

/** The server rejects the file. Its message names the line. */
export class ImportError extends Error {}

/**
 * Sends a file, and reports the progress after each chunk that the server has stored.
 * @param id continues an import: lines that were imported with this id are skipped
 * @throws ImportError if the server rejects a line @throws TypeError if the connection is lost
 */
export async function sendFile(
  file: Blob,
  id: string | undefined,
  isDry: boolean,
  report: (progress: Progress) => void,
): Promise<Progress> {
  const response = await post(file, `dry_run=${isDry}${id === undefined ? '' : `&import=${id}`}`)
  let last: Progress | undefined
  for await (const line of linesOf(response)) {
    const value: Progress | { readonly error: Problem } = JSON.parse(line)
    if ('error' in value) throw new ImportError(value.error.detail)
    last = value
    report(value)
  }
  if (!last?.done) throw new TypeError('the connection was lost')
  return last
}

/** Retries if the token has expired, or while the server still reads an earlier attempt. */
async function post(file: Blob, query: string): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${base}api/v1/import?${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/x-ndjson' },
      body: file,
    })
    if (response.ok) return response
    if (attempt > 5 || ![401, 503].includes(response.status)) {
      const problem: Problem | null = await response.json().catch(() => null)
      throw new ImportError(problem?.detail ?? `${response.status}`)
    }
    if (response.status === 401) forgetToken()
    else await new Promise(resolve => setTimeout(resolve, 2000))
  }
}

async function* linesOf({ body }: Response): AsyncGenerator<string, void, undefined> {
  let rest = ''
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    const lines = (rest + part.value).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
