import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { keepCall } from './leaks.ts'
import { tokenOf } from './served.ts'

// A client of Server-Sent Events that exposes everything it receives.

export interface ReceivedEvent {
  readonly id: string
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests access fields of any event
  readonly data: any
}

export interface EventSource {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** All events so far, without `ready`. */
  readonly events: ReceivedEvent[]
  /** Of the last event, including `ready`. */
  lastId(): string
  /** All text so far. */
  text(): string
  /** Resolves once `isThere` is true; rejects if the stream ends before. */
  until(isThere: () => boolean): Promise<void>
  /** Resolves when the stream has ended or its connection was closed. */
  readonly ended: Promise<void>
  readonly response: IncomingMessage
  close(): void
}

interface Options {
  readonly user?: string
  readonly token?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Opens a stream, and waits for its first event or a rejection. */
export async function openEvents(
  url: string,
  { user, token = user === undefined ? undefined : tokenOf(user), query = '', headers = {} }: Options,
): Promise<EventSource> {
  const path = `/api/v1/events${query}`
  const all = { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  keepCall(new Headers(all), path, undefined)
  const sent: ClientRequest = request(url + path, { headers: all, agent: false })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  sent.on('error', () => {})
  let text = ''
  let rest = ''
  let lastId = ''
  let isReady = false
  const events: ReceivedEvent[] = []
  const watchers = new Set<() => void>()
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
    const frames = (rest + chunk).split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) {
      const fields = new Map(
        frame.split('\n').map(line => line.split(/: ?(.*)/s, 2) as [string, string | undefined]),
      )
      const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')]
      if (id !== undefined) lastId = id
      if (event === 'ready') isReady = true
      else if (event !== undefined) events.push({ id: id ?? '', event, data: JSON.parse(data ?? 'null') })
    }
    for (const watcher of watchers) watcher()
  })
  response.on('error', () => {})
  const ended = new Promise<void>(resolve => response.once('close', resolve))
  const until = (isThere: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!isThere()) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
      look()
      ended.then(() => reject(new Error(`the stream ended: ${text.slice(-1000)}`)))
    })
  const status = response.statusCode ?? 0
  if (status === 200) await until(() => isReady)
  else await ended
  return {
    status,
    headers: response.headers,
    events,
    lastId: () => lastId,
    text: () => text,
    until,
    ended,
    response,
    close: () => sent.destroy(),
  }
}
