import { useEffect, useState } from 'preact/hooks'
import { realId } from '../model/copy.ts'
import { useStore } from '../model/store.ts'

// The address of a view: `#/today?tag=home&priority=high&task=12`. It is behind the `#`, so that
// the user's searches are in no server log.

export const views = [
  'inbox',
  'today',
  'upcoming',
  'list',
  'completed',
  'search',
  'trash',
  'account',
  'waiting',
] as const
export type View = (typeof views)[number]

export interface Address {
  readonly view: View
  /** Of the view `list`. */
  readonly list: number | null
  /** The open section of the view `account`. */
  readonly section: string
  readonly query: string
  readonly tags: readonly string[]
  readonly priorities: readonly string[]
  /** The task whose details are open. */
  readonly task: number | null
}

export function readAddress(hash = location.hash): Address {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?')
  const [name = '', part = ''] = path.split('/')
  const view = views.find(known => known === name) ?? 'inbox'
  const parameters = new URLSearchParams(search)
  const task = Number(parameters.get('task'))
  return {
    view,
    list: view === 'list' ? realId(Number(part)) : null,
    section: view === 'account' ? part : '',
    query: parameters.get('q') ?? '',
    tags: parameters.getAll('tag'),
    priorities: parameters.getAll('priority'),
    task: task === 0 || Number.isNaN(task) ? null : realId(task),
  }
}

export function hashOf({
  view,
  list = null,
  section = '',
  query = '',
  tags = [],
  priorities = [],
  task = null,
}: Partial<Address>) {
  const parameters = new URLSearchParams()
  if (query !== '') parameters.set('q', query)
  for (const tag of tags) parameters.append('tag', tag)
  for (const priority of priorities) parameters.append('priority', priority)
  if (task !== null) parameters.set('task', String(task))
  const part = view === 'list' ? `/${list}` : section === '' ? '' : `/${section}`
  const search = parameters.toString()
  return `#/${view}${part}${search === '' ? '' : `?${search}`}`
}

/** Opens another view, or changes the current one. @param replaces whether "back" skips this one */
export function go(change: Partial<Address>, replaces = false): void {
  const hash = hashOf('view' in change ? change : { ...readAddress(), ...change })
  if (hash === location.hash) return
  if (replaces) history.replaceState(null, '', hash)
  else history.pushState(null, '', hash)
  dispatchEvent(new PopStateEvent('popstate'))
}

export const openTask = (task: number): void => go({ task })
export const closeTask = (): void => go({ task: null })

export function useAddress(): Address {
  const [address, setAddress] = useState(readAddress)
  useEffect(() => {
    const look = () => setAddress(readAddress())
    addEventListener('popstate', look)
    addEventListener('hashchange', look)
    return () => {
      removeEventListener('popstate', look)
      removeEventListener('hashchange', look)
    }
  }, [])
  const { list, task } = address
  const real = {
    ...address,
    list: useStore(() => list && realId(list)),
    task: useStore(() => task && realId(task)),
  }
  useEffect(() => {
    // The server has assigned the id of the item: replace it, so that the URL works after a reload,
    // unless the user is navigating to another one.
    const isHere = location.hash === hashOf(address)
    if (isHere && (real.list !== list || real.task !== task)) go(real, true)
  })
  return real
}
