export interface Line {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Plot {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: readonly Line[]
  /** Whether the x axis is logarithmic. */
  readonly logarithmic?: boolean
}

const [width, height] = [640, 320]
const frame = { left: 64, right: 470, top: 44, bottom: 272 }
const colours = ['#0a7d5a', '#2563eb', '#c2410c', '#7c3aed', '#be123c', '#4d7c0f']

/** A line chart (SVG) that is readable on light and dark pages. */
export function plotted({ title, x, y, lines, logarithmic = false }: Plot): string {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(([value]) => value)))].sort((a, b) => a - b)
  const scale = (value: number) => (logarithmic ? Math.log(Math.max(value, 1)) : value)
  const [first = 0, last = 1] = [scale(xs[0] ?? 0), scale(xs.at(-1) ?? 1)]
  const highest = niceAbove(Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value))))
  const atX = (value: number) =>
    frame.left + ((scale(value) - first) / (last - first || 1)) * (frame.right - frame.left)
  const atY = (value: number) => frame.bottom - (value / highest) * (frame.bottom - frame.top)
  const grid = [0, 0.25, 0.5, 0.75, 1].map(part => {
    const level = atY(part * highest).toFixed(1)
    return `<line class="grid" x1="${frame.left}" x2="${frame.right}" y1="${level}" y2="${level}"/><text class="y" x="${frame.left - 6}" y="${level}">${short(part * highest)}</text>`
  })
  const marks = xs.map(
    value => `<text class="x" x="${atX(value).toFixed(1)}" y="${frame.bottom + 18}">${short(value)}</text>`,
  )
  const drawn = lines.map(({ name, points }, n) => {
    const colour = colours[n % colours.length]
    const path = points.map(([px, py]) => `${atX(px).toFixed(1)},${atY(py).toFixed(1)}`).join(' ')
    const legend = frame.top + 8 + n * 18
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/><rect x="${frame.right + 14}" y="${legend - 9}" width="10" height="10" fill="${colour}"/><text x="${frame.right + 30}" y="${legend}">${name}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${title}</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-size: 14px; font-weight: 600 }
.x { text-anchor: middle } .y { text-anchor: end; dominant-baseline: middle } .grid { stroke: #ddd } .ground { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .grid { stroke: #333b45 } .ground { fill: #0d1117 } }
</style>
<rect class="ground" width="100%" height="100%" rx="6"/>
<text class="title" x="16" y="24">${title}</text>
${[...grid, ...marks, ...drawn].join('\n')}
<text class="x" x="${(frame.left + frame.right) / 2}" y="${height - 12}">${x}</text>
<text transform="rotate(-90)" class="x" x="${-(frame.top + frame.bottom) / 2}" y="16">${y}</text>
</svg>
`
}

function niceAbove(value: number): number {
  if (!(value > 0)) return 1
  const unit = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 5, 10].find(factor => factor * unit >= value) ?? 10) * unit
}

function short(value: number): string {
  if (value >= 1e6) return `${round(value / 1e6)}M`
  return value >= 1000 ? `${round(value / 1000)}k` : String(round(value))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
