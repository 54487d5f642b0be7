import { request } from 'node:http'

/** A stream of events. */
export interface Stream {
  onEvent(listener: (task: { readonly title: string }) => void): void
  close(): void
}

/** Opens a stream. Resolves after its first frame. */
export function streamOf(url: string, token: string): Promise<Stream> {
  return new Promise((resolve, reject) => {
    let listener: (task: { readonly title: string }) => void = () => {}
    let text = ''
    const sent = request(`${url}/api/v1/events`, {
      headers: { authorization: `Bearer ${token}` },
      agent: false,
    })
    const stream: Stream = {
      onEvent: given => {
        listener = given
      },
      close: () => sent.destroy(),
    }
    sent.on('error', reject)
    sent.on('response', response => {
      if (response.statusCode !== 200) reject(new Error(`A stream returned ${response.statusCode}.`))
      response.on('error', () => {})
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1]
          text = text.slice(end + 2)
          resolve(stream)
          if (data !== undefined) {
            const { task } = JSON.parse(data) as { task?: { title: string } }
            if (task) listener(task)
          }
        }
      })
    })
    sent.end()
  })
}
