// The driver reads `navigator` to find out whether it runs on Cloudflare. Without one, as on Node
// 20, it creates a Response, which loads all of `fetch`: a tenth of a start. Later versions of Node
// have this object.
if (!('navigator' in globalThis)) {
  const value = { userAgent: `Node.js/${process.versions.node.split('.')[0]}` }
  Reflect.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true })
}
