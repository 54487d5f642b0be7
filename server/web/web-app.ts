import { AppError } from '../errors.ts'
import { ifNoneMatch } from '../http/conditional.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { sendAppFile } from './send-app-file.ts'
import { signInOptions } from './sign-in-options.ts'

const file = (mediaType: readonly string[]) => ({
  // The manifest is JSON.
  200: { description: 'The file.', mediaType, schema: { type: ['string', 'object'] } },
  304: { description: 'Not modified.' },
})

const worker: Route = {
  method: 'GET',
  path: '/sw.js',
  operation: {
    id: 'getServiceWorker',
    summary: 'Get the service worker of the web app',
    description: 'It serves the page at `/` and the files below `/app/` offline, and nothing else.',
    parameters: [ifNoneMatch],
    fails: ['route_not_found'],
    answers: file(['text/javascript']),
  },
  handle: (request, reply, { appFiles }) => {
    const found = appFiles?.get('sw.js')
    if (!found) throw new AppError('route_not_found', 'The web app is not built.')
    return sendAppFile(request, reply, found)
  },
}

const asset: Route = {
  method: 'GET',
  path: '/app/{asset}',
  operation: {
    id: 'getAppFile',
    summary: 'Get a file of the web app',
    description: 'Names of scripts and styles contain a hash of their content, so they never change.',
    parameters: [ifNoneMatch],
    fails: ['route_not_found'],
    answers: file(['text/javascript', 'text/css', 'image/svg+xml', 'image/png', 'application/manifest+json']),
  },
  handle: (request, reply, { appFiles }) => {
    const { asset: name } = request.params as { asset: string }
    const found = appFiles?.get(`app/${name}`)
    if (!found) throw new AppError('route_not_found', `There is no file "${name}".`)
    return sendAppFile(request, reply, found)
  },
}

export const webApp: RouteModule = {
  name: 'web app',
  about: 'The files of the web app at `/`. These calls need no token.',
  schemas: {},
  pathParameters: {
    asset: {
      description: 'The name of the file.',
      schema: { type: 'string' },
      example: 'manifest.webmanifest',
    },
  },
  routes: [worker, asset],
}

/** What the app asks before anyone has signed in. */
export const webSignIn: RouteModule = {
  name: 'sign-in options',
  about: 'How users of the web app can sign in to this server.',
  schemas: {},
  routes: [signInOptions],
}
