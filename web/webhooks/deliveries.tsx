import { useEffect, useState } from 'preact/hooks'
import { Form } from '../account/form.tsx'
import { call, get } from '../model/api.ts'
import { formatInstant } from '../model/dates.ts'
import { problemOf } from '../parts/problem.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import type { Delivery, DeliveryPage } from './types.ts'

/** The deliveries of a webhook, newest first. */
export function Deliveries({ path }: { readonly path: string }) {
  const [shown, setShown] = useState<DeliveryPage | undefined>()
  const [problem, setProblem] = useState('')
  const read = (cursor?: string) =>
    get<DeliveryPage>(path, { limit: 20, cursor }).then(
      page => {
        const before = cursor === undefined ? [] : (shown?.deliveries ?? [])
        setShown({ ...page, deliveries: [...before, ...page.deliveries] })
        setProblem('')
      },
      error => setProblem(problemOf(error)),
    )
  const isPending = shown?.deliveries.some(({ status }) => status === 'pending') === true
  useEffect(() => {
    if (!shown) void read()
    else if (isPending) {
      const timer = setTimeout(read, 1000)
      return () => clearTimeout(timer)
    }
    return undefined
  }, [shown])
  const redeliver = async (id: string) => {
    await call({ method: 'POST', path: `${path}/${id}/redeliver` })
    await read()
  }
  const isEmpty = shown?.deliveries.length === 0
  return (
    <div class="deliveries">
      {problem !== '' || isEmpty ? <p class="quiet">{problem || tl().noDeliveries}</p> : null}
      <ul class="rows" aria-label={tl().deliveries}>
        {shown?.deliveries.map(delivery => (
          <li key={delivery.id}>
            <span class="row-text">
              <span dir="ltr">{delivery.event}</span>
              <span class="quiet">
                {formatInstant(delivery.created_at)} · {outcomeOf(delivery)}
              </span>
            </span>
            <Form submit={() => redeliver(delivery.id)} label={tl().redeliver} done="" />
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" class="button" onClick={() => read()}>
          {t().reload}
        </button>
        {shown && shown.next_cursor !== null ? (
          <button type="button" class="button" onClick={() => read(shown.next_cursor ?? undefined)}>
            {tl().more}
          </button>
        ) : null}
      </div>
    </div>
  )
}

/** For example "Delivered (204)", or "Failed, is sent again (timed_out)". */
function outcomeOf({ status, response_status, error, attempts }: Delivery): string {
  const reason = response_status ?? (error === null ? undefined : (tl().deliveryErrors[error] ?? error))
  const outcome = tl().deliveryStates[status]
  const tried = attempts > 1 ? `, ${tl().attempts(attempts)}` : ''
  return (reason === undefined ? outcome : `${outcome} (${reason})`) + tried
}
