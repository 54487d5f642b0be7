import { parseArgs } from 'node:util'
import { openBrowser } from '../../test/browser.ts'
import { behindProxy, newUserHere } from '../../test/person.ts'
import { callAt, unlimited } from '../../test/served.ts'
import { cookiesOf } from '../../test/web/app.ts'
import { stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'
import { circumstances, writeDated } from '../http/result.ts'
import { type Figures, measure } from './measure.ts'
import { serve } from './serve.ts'
import { sizes } from './sizes.ts'

const help = `Usage: npm run bench web -- [--tasks N] [--rounds N] [--slowdown N]

The web app beside a bare Preact list of the same tasks from the same server, in Chromium with a slower CPU: when anything
is painted, when the first tasks are, when all tasks are in the list, and the time from a key press to the paint. Both
render only the rows in view. The app is visited twice: at first it reads all tasks from the server and stores them; then
it has them on the device.

  --tasks N     tasks (default 10000)
  --rounds N    of each (default 5)
  --slowdown N  how much slower the CPU is (default 6)

Writes bench/results/web-DATE.json.`

const names = ['firstPaint', 'firstTasks', 'allTasks', 'keyPress', 'added'] as const
const visits = ['bare list', 'first visit', 'later visit'] as const

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '5' },
      slowdown: { type: 'string', default: '6' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const [tasks = 0, rounds = 0, slowdown = 0] = [values.tasks, values.rounds, values.slowdown].map(Number)
  const { open, close } = stage(['duly'], { ...behindProxy, ...unlimited })
  const browser = await openBrowser()
  const work = async () => {
    const { contestants, postgresVersion } = await open()
    const duly = contestants[0]?.url ?? ''
    const { url, close: stopServing } = await serve(duly)
    const call = (method: string, path: string, given = {}) => callAt(duly, method, path, given)
    const person = await newUserHere({ call })
    for (let made = 0; made < tasks; made += 100) {
      const operations = Array.from({ length: Math.min(100, tasks - made) }, (_, n) => ({
        op: 'create',
        task: taskOf(made + n),
      }))
      const token = await person.token()
      const { status, text } = await call('POST', '/api/v1/batch', { token, json: { operations } })
      if (status !== 200) throw new Error(`Cannot create tasks: ${status} ${text}`)
    }
    // Each visit adds a task, which only the app stores on the server.
    let stored = tasks
    const found = new Map<string, Figures[]>(visits.map(name => [name, []]))
    for (let round = 0; round < rounds; round += 1) {
      for (const name of visits.slice(0, 2)) {
        const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 800 } })
        const take = async (visit: string, page: string, isApp: boolean) => {
          const figures = await measure(context, page, { tasks: stored, slowdown, isApp })
          found.get(visit)?.push(figures)
          process.stderr.write(`${visit}: ${JSON.stringify(figures)}\n`)
          if (isApp) stored += 1
        }
        if (name === 'bare list') await take(name, `${url}bare/#${await person.token()}`, false)
        else {
          await context.addCookies(cookiesOf(person, url))
          await take(name, url, true)
          await take('later visit', url, true)
        }
        await context.close()
      }
    }
    await stopServing()
    const medians = Object.fromEntries(
      [...found].map(([visit, all]) => [
        visit,
        Object.fromEntries(names.map(name => [name, median(all.map(each => each[name]))])),
      ]),
    )
    process.stdout.write(`${'ms (ratio)'.padEnd(14)}${names.map(name => name.padStart(16)).join('')}\n`)
    for (const [visit, figures] of Object.entries(medians)) {
      const cells = names.map(name => {
        const ratio = (figures[name] ?? 0) / (medians['bare list']?.[name] ?? 1)
        return `${Math.round(figures[name] ?? 0)} (${ratio.toFixed(2)})`.padStart(16)
      })
      process.stdout.write(`${visit.padEnd(14)}${cells.join('')}\n`)
    }
    const compressed = sizes()
    process.stdout.write(`bytes of compressed JavaScript: ${JSON.stringify(compressed)}\n`)
    const result = {
      ...circumstances(postgresVersion),
      options: { tasks, rounds, slowdown },
      sizes: compressed,
      medians,
      found: Object.fromEntries(found),
    }
    const folder = new URL('../../../bench/results/', import.meta.url)
    process.stderr.write(`written to bench/results: ${writeDated(folder, 'web', result)}\n`)
  }
  return {
    work,
    close: async () => {
      await browser.close()
      await close()
    },
  }
})

/** Some tasks have dates, priorities and tags, as in a real list. */
function taskOf(n: number): object {
  return {
    title: `Task ${n}: ${'call, write, pay, read, plan'.split(', ')[n % 5]} before the week ends`,
    ...(n % 3 === 0 && { due: { date: `20${26 + (n % 4)}-0${1 + (n % 9)}-15` } }),
    ...(n % 5 === 0 && { priority: 'high' }),
    ...(n % 4 === 0 && { tags: ['home', 'errands'].slice(n % 2) }),
    ...(n % 10 === 0 && { description: 'Ask first, then decide. '.repeat(8) }),
  }
}

function median(all: readonly number[]): number {
  const sorted = all.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
