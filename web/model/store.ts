import { useEffect, useReducer, useRef } from 'preact/hooks'
import type { List, Settings, Task, User, Write } from './types.ts'

/** The state of all screens. `tasks` and `lists` are changed in place; `version` then grows. */
export interface State {
  user: User | undefined
  /** `out`: the session has ended. `starting`: nothing is shown. */
  session: 'starting' | 'in' | 'out'
  tasks: Map<number, Task>
  lists: Map<number, List>
  settings: Settings
  version: number
  writes: readonly Write[]
  isOnline: boolean
  isLoaded: boolean
  /** The generated password of a "Try it now" account, until the user has chosen one. */
  madeUpPassword: string | undefined
  selected: ReadonlySet<number>
}

export const defaultSettings: Settings = {
  // That of the device. Reading its name would take 20 ms before the first paint.
  time_zone: '',
  week_start: 'monday',
  date_format: 'YYYY-MM-DD',
  time_format: '24h',
  language: '',
}

export const state: State = {
  user: undefined,
  session: 'starting',
  tasks: new Map(),
  lists: new Map(),
  settings: defaultSettings,
  version: 0,
  writes: [],
  isOnline: navigator.onLine,
  isLoaded: false,
  madeUpPassword: undefined,
  selected: new Set(),
}

const listeners = new Set<() => void>()
let isDue = false

/** Changes the state. Listeners are called once, when the current task has ended. */
export function update(change: Partial<State>): void {
  Object.assign(state, change)
  if (isDue) return
  isDue = true
  queueMicrotask(() => {
    isDue = false
    for (const listener of listeners) listener()
  })
}

export function useStore<T>(select: (from: State) => T): T {
  const [, render] = useReducer((n: number) => n + 1, 0)
  const value = select(state)
  const latest = useRef({ select, value })
  latest.current = { select, value }
  useEffect(() => {
    const look = () => {
      const { select: choose, value: shown } = latest.current
      if (!Object.is(choose(state), shown)) render(0)
    }
    listeners.add(look)
    look()
    return () => {
      listeners.delete(look)
    }
  }, [])
  return value
}
