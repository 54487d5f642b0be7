import { generate } from 'lean-qr/nano'

/** A QR code, as a drawing with a square for each dark module. */
export function Qr({ text, label }: { readonly text: string; readonly label: string }) {
  const code = generate(text)
  const rows = Array.from({ length: code.size }, (_, n) => n)
  const path = rows.flatMap(y => rows.flatMap(x => (code.get(x, y) ? `M${x} ${y}h1v1h-1z` : []))).join('')
  // Readers need a margin of four modules.
  const edge = code.size + 8
  return (
    <svg class="qr" viewBox={`-4 -4 ${edge} ${edge}`} role="img" aria-label={label}>
      <path d={path} />
    </svg>
  )
}
