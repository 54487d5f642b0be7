import type { Result } from './result.ts'

const shown = ['one task', 'create', 'page of 100', 'list of 1000']
const width = 760
const barLeft = 190
const barWidth = 430
const lineHeight = 22

/** A chart (SVG) of the server's CPU time per request by scenario, at the most connections. */
export function pictureOf(results: readonly Result[]): string {
  const most = Math.max(...results.map(({ connections }) => connections))
  const body: string[] = []
  let y = 34
  for (const scenario of shown) {
    const found = results.filter(
      result => result.scenario === scenario && result.connections === most && result.serverCpu !== null,
    )
    if (found.length === 0) continue
    y += 26
    body.push(`<text class="head" x="16" y="${y}">${scenario}</text>`)
    y += 10
    const longest = Math.max(...found.map(({ serverCpu }) => serverCpu ?? 0))
    for (const { contestant, serverCpu, ratio } of found) {
      const cost = serverCpu ?? 0
      const length = Math.max(1, (cost / longest) * barWidth)
      const kind = contestant.startsWith('duly') ? 'duly' : 'other'
      const label = `${Math.round(cost).toLocaleString('en-US')} µs${ratio === null ? '' : `, ${ratio.toFixed(ratio < 10 ? 2 : 0)}×`}`
      body.push(
        `<text class="name" x="${barLeft - 8}" y="${y + 14}">${contestant}</text>`,
        `<rect class="${kind}" x="${barLeft}" y="${y + 3}" width="${length.toFixed(1)}" height="${lineHeight - 8}" rx="2"/>`,
        `<text class="value" x="${(barLeft + length + 6).toFixed(1)}" y="${y + 14}">${label}</text>`,
      )
      y += lineHeight
    }
  }
  const height = y + 20
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">CPU time of the server per request, less is better</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-size: 15px; font-weight: 600 } .head { font-weight: 600 } .name { text-anchor: end }
.duly { fill: #0a7d5a } .other { fill: #9aa5b1 } .ground { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .duly { fill: #2fbf8f } .other { fill: #5d6875 } .ground { fill: #0d1117 } }
</style>
<rect class="ground" width="100%" height="100%" rx="6"/>
<text class="title" x="16" y="28">CPU of the server per request, ${most} connections (less is better; × is against bare)</text>
${body.join('\n')}
</svg>
`
}
