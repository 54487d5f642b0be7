import type { ComponentChildren } from 'preact'

const address = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/gi

/** Text in which URLs are links. It is never parsed as HTML. */
export function Linked({ text }: { readonly text: string }) {
  const parts: ComponentChildren[] = []
  let end = 0
  for (const match of text.matchAll(address)) {
    const [url] = match
    parts.push(text.slice(end, match.index))
    parts.push(
      URL.canParse(url) ? (
        <a key={match.index} href={url} target="_blank" rel="noopener noreferrer nofollow">
          {url}
        </a>
      ) : (
        url
      ),
    )
    end = match.index + url.length
  }
  parts.push(text.slice(end))
  return <>{parts}</>
}
