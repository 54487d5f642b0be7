import autocannon from 'autocannon'

// One load, in its own process, so that sending does not delay the measurement.

export interface LoadPlan {
  readonly url: string
  readonly token: string
  readonly connections: number
  readonly seconds: number
  /** Requests per second; undefined: each connection waits for its response. */
  readonly rate?: number
  /** Sent in rotation. */
  readonly requests: readonly { method: 'GET' | 'POST'; path: string; body?: string }[]
}

export interface LoadResult {
  /** Milliseconds until the response, ascending. */
  readonly accepted: readonly number[]
  readonly shed: readonly number[]
  /** Requests without a response, and with one other than 2xx, 503 and 429. */
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
  // Closing the connection earlier would discard unsent data.
  process.send?.(found, () => process.disconnect())
})
