import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { pageHeaders } from '../http/security-headers.ts'

// Small pages: one style, no scripts, nothing from other servers.

const style = `
:root{color-scheme:light dark;--ink:#1c2523;--quiet:#596662;--line:#d9e1de;--back:#f5f7f6;--card:#fff;--field:#fff;--accent:#1f6f5c;--on:#fff;--bad:#a5292d}
@media(prefers-color-scheme:dark){:root{--ink:#e7ecea;--quiet:#a3b1ad;--line:#35423e;--back:#131817;--card:#1b2220;--field:#131817;--accent:#63bfa6;--on:#0c1412;--bad:#ffa19b}}
*{box-sizing:border-box}
body{margin:0;padding:2.5rem 1rem;background:var(--back);color:var(--ink);font:1rem/1.55 system-ui,sans-serif;overflow-wrap:break-word}
header,main{max-width:27rem;margin:0 auto}
header a{display:inline-flex;align-items:center;gap:.6rem;margin-bottom:1.25rem;color:inherit;font-weight:600;text-decoration:none}
main{padding:1.5rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .75rem;font-size:1.35rem;line-height:1.3}
p{margin:0 0 1rem}
main>:last-child{margin-bottom:0}
a{color:var(--accent)}
ul{margin:0 0 1rem;padding-left:1.25rem}
li{margin:.25rem 0}
code{font-size:.9em}
label{display:block;margin-bottom:.35rem;font-weight:600}
input{display:block;width:100%;margin:0 0 .35rem;padding:.65rem .75rem;color:inherit;background:var(--field);border:1px solid var(--quiet);border-radius:.5rem;font:inherit}
button{width:100%;margin-top:1rem;padding:.7rem 1rem;color:var(--on);background:var(--accent);border:0;border-radius:.5rem;font:inherit;font-weight:600;cursor:pointer}
button:hover{filter:brightness(1.08)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.quiet{color:var(--quiet);font-size:.9rem}
.bad{padding-left:.75rem;border-left:3px solid var(--bad);color:var(--bad)}
@media(max-width:24rem){body{padding-top:1.25rem}main{padding:1.15rem}}
`
const styleHash = createHash('sha256').update(style).digest('base64')

/** Headers of a page. Forms go to this server only. No Referer: the URL may hold a token. */
export const htmlHeaders = {
  ...pageHeaders([`style-src 'sha256-${styleHash}'`, "img-src 'self'"], "'self'"),
  'content-type': 'text/html; charset=utf-8',
}

const mark =
  '<svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#1f6f5c"/><path d="M8.6 17l5.5 5.4L24 10.6" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>'

/** @param base the path of PUBLIC_URL @param body HTML */
export function htmlPage(base: string, title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)} – Duly</title>
<link rel="icon" href="${base}/favicon.ico">
<style>${style}</style>
<header><a href="${base}/">${mark}Duly</a></header>
<main>
<h1>${html(title)}</h1>
${body}
</main>
</html>
`
}

export function sendPage(reply: FastifyReply, title: string, body: string): FastifyReply {
  return reply.headers(htmlHeaders).send(htmlPage(reply.server.base, title, body))
}

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text as HTML. Text between backticks is code. */
export function html(text: string): string {
  return text.replaceAll(/[&<>"]/g, mark => marks[mark] ?? mark).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}
