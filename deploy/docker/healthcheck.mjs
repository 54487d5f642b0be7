// The health check of the image, which Docker runs every ten seconds: whether the server is ready.
// It reads the settings as the server does, to use the right port.
import { request } from 'node:http'
import { readConfig } from './dist/server/config/config.js'
import { readEnv } from './dist/server/config/environment.js'

const [path = '/readyz'] = process.argv.slice(2)
const { port } = readConfig(readEnv())
const asked = request({ host: '127.0.0.1', port, path, timeout: 4000 }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1)
})
asked.on('timeout', () => asked.destroy(new Error('no answer within 4 s')))
asked.on('error', ({ message }) => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
})
asked.end()
