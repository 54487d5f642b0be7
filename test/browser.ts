import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/**
 * A Chromium for tests: the one that `CHROMIUM_PATH` names; else one from an npm package, on Linux, with the libraries that a
 * bare machine lacks; else a Chrome or an Edge that is installed.
 */
export async function openBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  const named = process.env.CHROMIUM_PATH
  if (named !== undefined) return chromium.launch({ executablePath: named, args })
  if (process.platform === 'linux' && process.arch === 'x64') {
    return chromium.launch({
      executablePath: await unpacked(),
      args: [...args, '--headless=shell', '--no-zygote'],
    })
  }
  for (const channel of ['chrome', 'msedge']) {
    const browser = await chromium.launch({ channel, args }).catch(() => undefined)
    if (browser) return browser
  }
  throw new Error(
    'Install Chrome, Edge or Chromium, or say where it is with CHROMIUM_PATH, to run the tests in a browser.',
  )
}

// The package unpacks to the folder for temporary files, under names that users of a machine would share; and brings its
// libraries only where it takes the machine for one of Amazon's.
async function unpacked(): Promise<string> {
  const folder = join(tmpdir(), `duly-test-chromium-${process.getuid?.() ?? 'user'}`)
  mkdirSync(folder, { recursive: true })
  process.env.TMPDIR = folder
  process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs20.x'
  try {
    const { default: packaged } = await import('@sparticuz/chromium')
    return await packaged.executablePath()
  } finally {
    delete process.env.AWS_LAMBDA_JS_RUNTIME
  }
}
