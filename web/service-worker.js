// Serves the page and its files without a network. All other requests, to the API, /docs and the
// pages of the server, go to the network.
const version = '__VERSION__'
const base = new URL('./', self.location).pathname
const files = ['__FILES__']
const cacheName = `duly-${version}`

self.addEventListener('install', event => {
  const urls = [base, ...files.map(name => base + name)]
  const requests = urls.map(
    url => new Request(url, { cache: 'no-cache', headers: { accept: 'text/html, */*;q=0.1' } }),
  )
  event.waitUntil(caches.open(cacheName).then(cache => cache.addAll(requests)))
})

self.addEventListener('activate', event => {
  event.waitUntil(removeOldCaches().then(() => self.clients.claim()))
})

// The page decides when a new version is activated.
self.addEventListener('message', event => {
  if (event.data === 'activate') self.skipWaiting()
})

self.addEventListener('fetch', event => {
  const { method, mode, url } = event.request
  const { origin, pathname } = new URL(url)
  const isPage = mode === 'navigate' && pathname === base
  const isFile = pathname.startsWith(`${base}app/`)
  if (method !== 'GET' || origin !== self.location.origin || !(isPage || isFile)) return
  event.respondWith(fromCache(isPage ? base : pathname, event.request))
})

async function fromCache(key, request) {
  // Not caches.open, which would create a new cache after the user has signed out.
  return (await caches.match(key, { cacheName, ignoreVary: true })) ?? fetch(request)
}

async function removeOldCaches() {
  const names = await caches.keys()
  const old = names.filter(name => name.startsWith('duly-') && name !== cacheName)
  await Promise.all(old.map(name => caches.delete(name)))
}
