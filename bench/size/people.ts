import { randomUUID } from 'node:crypto'
import type pg from 'pg'

/** Signs up one user, and copies the rows for the others, each with a password and a session. */
export async function addPeople(client: pg.Client, url: string, count: number): Promise<void> {
  const answer = await fetch(`${url}/api/auth/sign-up/email`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      origin: 'http://localhost:3000',
      'user-agent':
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
    },
    body: JSON.stringify({
      name: 'Ann Example',
      email: 'ann.example@example.com',
      password: randomUUID(),
    }),
  })
  if (!answer.ok) throw new Error(`Signing up returned ${answer.status}: ${await answer.text()}`)
  const id = 'md5(n::text)'
  const copies = [
    `insert into duly."user" (id, name, email, "emailVerified")
      select ${id}, name, lpad(n::text, 11, 'n') || '@example.com', "emailVerified" from duly."user", numbers`,
    `insert into duly.account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
      select ${id}, ${id}, "providerId", ${id}, password, "createdAt", "updatedAt" from duly.account, numbers`,
    `insert into duly.session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
      select ${id}, "expiresAt", ${id}, "createdAt", "updatedAt", "ipAddress", "userAgent", ${id}
      from duly.session, numbers`,
  ]
  for (const copy of copies)
    await client.query(`with numbers as (select generate_series(2, ${Math.floor(count)}) as n) ${copy}`)
}
