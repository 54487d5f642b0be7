// The driver asks `navigator` whether it runs at Cloudflare. Where there is none, as on Node 20, it tries a Response instead, and that
// loads everything behind `fetch`: a tenth of a start. So this is what later versions of Node have.
if (!('navigator' in globalThis)) {
  const value = { userAgent: `Node.js/${process.versions.node.split('.')[0]}` }
  Reflect.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true })
}
