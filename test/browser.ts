import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type LaunchOptions, type Page, type Route } from 'playwright-core'
import { cachedFolder } from './cached-folder.ts'

// Root in a container has no sandbox, and /dev/shm is small there.
const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
const installedNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
// The file names of the package contain directories of AWS Lambda.
const fontsConf = `<?xml version="1.0"?>
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

/**
 * A Chromium for tests: the one in `CHROMIUM_PATH` if set. Otherwise, on Linux x64, that of an npm
 * package, the same on all machines; otherwise, or if that does not start, an installed one.
 */
export async function openBrowser(): Promise<Browser> {
  const named = process.env.CHROMIUM_PATH
  if (named !== undefined) return chromium.launch({ executablePath: named, args })
  const reasons: unknown[] = []
  for (const way of [packaged, ...installedNames.map(onPath), channel('chrome'), channel('msedge')]) {
    try {
      const options = way()
      if (options) return await chromium.launch({ args, ...options })
    } catch (error) {
      reasons.push(error)
    }
  }
  throw new Error(
    'Install Chromium, Chrome or Edge (on Debian: apt-get install chromium), or set CHROMIUM_PATH to one, to run the tests in a browser.',
    { cause: new AggregateError(reasons, 'None of these started.') },
  )
}

/** Adds a virtual authenticator for passkeys to a page, which approves every request. */
export async function addAuthenticator(page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    },
  })
}

/**
 * Handles the next request for a URL. Interception stays on afterwards: Chromium loses a request
 * that is sent while it is turned off, and the page waits for it (microsoft/playwright#41802).
 */
export async function interceptOnce(
  page: Page,
  url: string,
  handle: (route: Route) => Promise<void>,
): Promise<void> {
  let isDone = false
  await page.route(url, route => {
    if (isDone) return route.fallback()
    isDone = true
    return handle(route)
  })
}

const channel = (name: string) => (): LaunchOptions => ({ channel: name })

const onPath = (name: string) => (): LaunchOptions | undefined => {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = folders.map(folder => join(folder, name)).find(path => existsSync(path))
  return found === undefined ? undefined : { executablePath: found }
}

function packaged(): LaunchOptions | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const folder = unpacked()
  return {
    executablePath: join(folder, 'chromium'),
    // Libraries that a minimal system lacks: NSS, and a font, without which a page crashes.
    // Installed ones are preferred.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    },
  }
}

/** Where the browser is unpacked: inside the package, so that updating the package removes it. */
function unpacked(): string {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium')))))
  return cachedFolder(join(root, 'unpacked'), draft => {
    // The package unpacks to TMPDIR, and unpacks its libraries only if it detects AWS Lambda. Both
    // come from the environment, so a separate process sets it.
    const script = "import('@sparticuz/chromium').then(({ default: it }) => it.executablePath())"
    execFileSync(process.execPath, ['--eval', script], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: draft, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' },
    })
    writeFileSync(join(draft, 'fonts.conf'), fontsConf)
    // Every user who can read the package can run its browser.
    chmodSync(join(draft, 'chromium'), 0o755)
  })
}
