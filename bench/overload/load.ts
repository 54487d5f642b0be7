import autocannon from 'autocannon'

// One load, in a process of its own: what it costs to send must not delay those who measure.

export interface LoadPlan {
  readonly url: string
  readonly token: string
  readonly connections: number
  readonly seconds: number
  /** Requests a second, whatever comes back; absent: each connection waits for its answer. */
  readonly rate?: number
  /** Sent in turn. */
  readonly requests: readonly { method: 'GET' | 'POST'; path: string; body?: string }[]
}

export interface LoadResult {
  /** Milliseconds until the answer, in order. */
  readonly accepted: readonly number[]
  readonly shed: readonly number[]
  /** No answer at all is one of these, and any that is neither 2xx nor 503 nor 429. */
  readonly failed: number
}

process.once('message', async (plan: LoadPlan) => {
  const accepted: number[] = []
  const shed: number[] = []
  let failed = 0
  let next = 0
  const options: autocannon.Options = {
    url: plan.url,
    connections: plan.connections,
    duration: plan.seconds,
    timeout: 10,
    ...(plan.rate === undefined ? {} : { overallRate: plan.rate, ignoreCoordinatedOmission: true }),
    requests: [
      {
        setupRequest: request => {
          next += 1
          return {
            ...request,
            headers: { authorization: `Bearer ${plan.token}`, 'content-type': 'application/json' },
            ...plan.requests[next % plan.requests.length],
          }
        },
      },
    ],
  }
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(options, (error, ended) => (error ? reject(error) : resolve(ended)))
    instance.on('response', (_client, status, _bytes, milliseconds) => {
      if (status < 300) accepted.push(milliseconds)
      else if (status === 503 || status === 429) shed.push(milliseconds)
      else failed += 1
    })
  })
  const ascending = (a: number, b: number) => a - b
  const found: LoadResult = {
    accepted: accepted.sort(ascending),
    shed: shed.sort(ascending),
    failed: failed + result.errors,
  }
  // A connection that is closed before takes along what has not left yet.
  process.send?.(found, () => process.disconnect())
})
