import { useStore } from '../model/store.ts'
import { Icon } from '../parts/icon.tsx'
import { t } from '../texts/texts.ts'

/** Whether all changes have reached the server. */
export function SyncStatus() {
  const isOnline = useStore(state => state.isOnline)
  const writes = useStore(state => state.writes)
  const problems = writes.filter(({ problem }) => problem).length
  const waiting = writes.length - problems
  if (problems > 0) {
    return (
      <a class="status is-problem" href="#/waiting">
        <Icon name="warning" />
        {t().problems(problems)}
      </a>
    )
  }
  if (isOnline && waiting === 0) return null
  return (
    <a class="status" href="#/waiting">
      <Icon name="cloud" />
      {isOnline ? t().sending(waiting) : waiting === 0 ? t().offline : t().offlineWaiting(waiting)}
    </a>
  )
}
