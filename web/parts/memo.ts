import { Component, type ComponentType, h } from 'preact'

/** Renders the component again only if a property has changed. */
export function memo<P extends object>(Inner: (props: P) => unknown): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const names = Object.keys(next) as (keyof P)[]
      return names.some(name => next[name] !== this.props[name])
    }
    override render() {
      return h(Inner as ComponentType<P>, this.props)
    }
  }
}
