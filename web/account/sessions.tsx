import { formatInstant } from '../model/dates.ts'
import { auth } from '../model/session.ts'
import { tl } from '../texts/later-texts.ts'
import { Form, useAnswer } from './form.tsx'

interface Session {
  readonly id: string
  readonly token: string
  readonly updatedAt: string
  readonly userAgent?: string | null
  readonly ipAddress?: string | null
}

/** The sessions of the user. */
export function Sessions() {
  const [found, load, problem] = useAnswer(async () => {
    const [sessions, current] = await Promise.all([
      auth<readonly Session[]>('/list-sessions'),
      auth<{ session: Session } | null>('/get-session'),
    ])
    return { sessions, current: current?.session.id }
  })
  const end = async (token: string) => {
    await auth('/revoke-session', { token })
    await load()
  }
  const endOthers = async () => {
    await auth('/revoke-other-sessions', {})
    await load()
  }
  return (
    <>
      {problem === '' ? null : <p class="quiet">{problem}</p>}
      <ul class="rows">
        {found?.sessions.map(({ id, token, updatedAt, userAgent, ipAddress }) => (
          <li key={id}>
            <span class="row-text">
              {deviceOf(userAgent ?? '')}
              <span class="quiet">
                {ipAddress} · {formatInstant(updatedAt)}
              </span>
            </span>
            {id === found.current ? (
              <span class="fact">{tl().thisDevice}</span>
            ) : (
              <Form submit={() => end(token)} label={tl().endSession} isDanger />
            )}
          </li>
        ))}
      </ul>
      {problem || (found?.sessions.length ?? 0) > 1 ? (
        <Form submit={endOthers} label={tl().endOthers} isDanger />
      ) : null}
    </>
  )
}

/** The browser and the operating system, from the User-Agent. */
function deviceOf(agent: string): string {
  const browser = ['Edg', 'Firefox', 'Chrome', 'Safari'].find(name => agent.includes(name))
  const system = ['Windows', 'Android', 'iPhone', 'iPad', 'Mac OS X', 'Linux'].find(name =>
    agent.includes(name),
  )
  const names = [browser?.replace('Edg', 'Edge'), system?.replace('Mac OS X', 'macOS')]
  return names.filter(Boolean).join(', ') || agent.slice(0, 60) || tl().unknownDevice
}
