import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/** A component that is loaded from its own file when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined
  let loading: Promise<void> | undefined
  return function Lazy(props: P) {
    const [, setReady] = useState(loaded !== undefined)
    useEffect(() => {
      if (loaded) return
      loading ??= load().then(component => {
        loaded = component
      })
      void loading.then(() => setReady(true))
    }, [])
    const Loaded = loaded
    return Loaded ? <Loaded {...props} /> : null
  }
}
