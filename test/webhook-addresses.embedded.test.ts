import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, isIP } from 'node:net'
import { after, before, describe, it } from 'node:test'
import {
  type Address,
  Networks,
  type Resolve,
  resolve,
  urlProblem,
} from '../server/sync/webhooks/addresses.ts'
import { pauseAfter } from '../server/sync/webhooks/delivery-job.ts'
import { SecretCipher } from '../server/sync/webhooks/secrets.ts'
import { newAgent, send } from '../server/sync/webhooks/send.ts'

// The addresses to which webhooks may connect; connections to any other are prevented.

const open = new Networks([])
const local = new Networks(['127.0.0.1/32', 'fd00::/8'])
const addressOf = (text: string): Address => ({ address: text, family: isIP(text) === 6 ? 6 : 4 })

/** Addresses that are not public, in every spelling that URLs allow. */
const refused = [
  ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0x7f.1', '127.0.0.1.', '①②⑦.0.0.1'],
  ...['0.0.0.0', '0', '10.1.2.3', '100.64.0.1', '100.100.100.200', '169.254.169.254', '0xa9fea9fe'],
  ...[
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.0.0.192',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
  ],
  ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '168.63.129.16'],
  ...['[::]', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]'],
  ...[
    '[::ffff:8.8.8.8]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::169.254.169.254]',
    '[64:ff9b:1::1]',
    '[2002:7f00:1::]',
  ],
  ...['[2001::1]', '[2001:db8::1]', '[fc00::1]', '[fd00:ec2::254]', '[fe80::1]', '[fec0::1]', '[ff02::1]'],
  ...['[100::1]', '[3fff::1]', '[4000::1]', '[5f00::1]'],
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'printer',
    'printer.local',
    'db.internal',
    'x.home.arpa',
  ],
]

describe('the URL of a webhook', () => {
  it('is rejected if it can never be allowed', () => {
    for (const host of refused) {
      assert.equal(urlProblem(`https://${host}/`, open), 'must be at a public address', host)
      assert.equal(urlProblem(`https://${host}:8443/x?y`, open), 'must be at a public address', host)
    }
    for (const url of [
      'http://example.com/',
      'ftp://example.com/',
      'file:///etc/passwd',
      'gopher://example.com/',
    ])
      assert.equal(urlProblem(url, open), 'must begin with "https://"')
    for (const url of [
      'https://me@example.com/',
      'https://me:secret@example.com/',
      'https://:x@example.com/',
    ])
      assert.equal(urlProblem(url, open), 'must not contain a user name or a password')
    assert.equal(urlProblem('https://example.com/#part', open), 'must not contain a fragment')
    for (const url of [
      '',
      'example.com',
      'https://',
      'https://exa mple.com/',
      'https://1.2.3.4.5/',
      '//example.com',
    ])
      assert.equal(urlProblem(url, open), 'must be a URL', url)
  })

  it('may have a public address, or one in the networks that the operator allows', () => {
    for (const host of [
      'example.com',
      'example.com.',
      '8.8.8.8',
      '[2606:4700::1111]',
      'bücher.example',
      '172.32.0.1',
    ])
      assert.equal(urlProblem(`https://${host}:444/a?b=c`, open), undefined, host)
    for (const url of [
      'http://127.0.0.1:1/',
      'https://127.1/',
      'http://[fd00::1]/',
      'http://localhost/',
      'http://printer/',
    ])
      assert.equal(urlProblem(url, local), undefined, url)
    for (const url of ['http://127.0.0.2/', 'http://8.8.8.8/', 'http://[::1]/', 'https://10.0.0.1/'])
      assert.equal(urlProblem(url, local), 'must be at a public address', url)
  })
})

describe('a webhook message', () => {
  let port: number
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    if (request.url === '/hang') return
    if (request.url === '/large') {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    } else if (request.url === '/slow') response.writeHead(200).write('.')
    else response.writeHead(200).end(String(request.headers.host))
  })
  before(async () => {
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
    port = (server.address() as AddressInfo).port
  })
  after(() => {
    server.close()
    server.closeAllConnections()
  })

  const message = { headers: { 'content-type': 'application/json' }, body: '{}' }
  async function sent(url: string, networks: Networks, look: Resolve = resolve, timeout = 10_000) {
    const target = new URL(url)
    const agent = newAgent(target.protocol)
    const { signal } = new AbortController()
    try {
      return await send(target, message, { networks, resolve: look, agent, signal, timeout })
    } finally {
      agent.destroy()
    }
  }
  const answering =
    (...addresses: string[]): Resolve =>
    async () =>
      addresses.map(addressOf)

  it('is not sent to a forbidden address, neither in the URL nor in the DNS', async () => {
    for (const host of refused.filter(host => /^[\d[]|localhost/i.test(host)))
      assert.equal((await sent(`https://${host}:${port}/`, open)).error, 'address_not_allowed', host)
    for (const address of [
      '127.0.0.1',
      '169.254.169.254',
      '::1',
      '::ffff:127.0.0.1',
      '64:ff9b::7f00:1',
      '10.0.0.1',
    ])
      for (const protocol of ['https', 'http'])
        assert.deepEqual(
          (await sent(`${protocol}://example.com:${port}/`, open, answering(address))).error,
          'address_not_allowed',
          address,
        )
    // Not even if the network is allowed, and so is another address of the name.
    assert.equal(
      (await sent(`http://a.example:${port}/`, local, answering('127.0.0.2', '8.8.8.8'))).error,
      'address_not_allowed',
    )
    assert.equal(requests, 0)
  })

  it('is sent to the address that was checked, even if a second DNS query returns another', async () => {
    let asked = 0
    const rebinding: Resolve = async () => {
      asked += 1
      return [addressOf(asked === 1 ? '127.0.0.1' : '127.0.0.2')]
    }
    const url = `http://receiver.example:${port}/`
    assert.equal((await sent(url, local, rebinding)).status, 200)
    assert.equal((await sent(url, local, rebinding)).error, 'address_not_allowed')
    assert.deepEqual([asked, requests], [2, 1])
    // The name does not exist: only the checked address can have been used.
    assert.equal((await sent(url, local, answering('10.0.0.1', '127.0.0.1'))).status, 200)
    assert.equal((await sent(`http://localhost:${port}/`, local)).status, 200)
  })

  it('fails without a response in time, and a response is read up to a limit', async () => {
    const at = `http://127.0.0.1:${port}`
    assert.equal((await sent(`${at}/hang`, local, resolve, 100)).error, 'timed_out')
    const never: Resolve = (_host, signal) =>
      new Promise((_found, fail) => signal.addEventListener('abort', () => fail(signal.reason)))
    assert.equal((await sent(at, local, never, 100)).error, 'timed_out')
    assert.equal((await sent(`${at}/large`, local)).status, 200)
    assert.equal((await sent(`${at}/slow`, local)).status, 200)
    assert.equal((await sent(at, local, answering())).error, 'name_not_resolved')
    assert.equal((await sent('http://127.0.0.1:1/', local)).error, 'connection_failed')
    assert.equal((await sent(`https://127.0.0.1:${port}/`, local)).error, 'tls_failed')
  })

  it('fails if the receiver switches protocols', async () => {
    const server = createTcpServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      )
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { status, error } = await sent(`http://127.0.0.1:${port}/`, local)
    assert.deepEqual([status, error], [101, null])
    server.close()
  })

  for (const [head, isEndless] of [
    ['HTTP/1.1 100 Continue\r\n\r\n', true],
    [`HTTP/1.1 103 Early Hints\r\nLink: </${'x'.repeat(8000)}>\r\n\r\n`, true],
    ['HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3), false],
  ] as const) {
    const [, name] = head.split('\r\n')[0]?.split(/(?<=1\.1) /) ?? []
    it(`${isEndless ? 'fails after endless' : 'succeeds after a few'} responses with ${name}`, async () => {
      const server = createTcpServer(socket => {
        socket.on('error', () => {})
        const more = () => {
          while (!socket.destroyed && socket.write(head));
        }
        socket.on('drain', more)
        socket.once('data', () => {
          if (isEndless) more()
          else socket.end(`${head}HTTP/1.1 204 No Content\r\n\r\n`)
        })
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as { port: number }
      const { status, error } = await sent(`http://127.0.0.1:${port}/`, local)
      assert.deepEqual([status, error], isEndless ? [null, 'response_invalid'] : [204, null])
      server.close()
    })
  }
})

describe('the delay after a failure', () => {
  it('is 5 s at first and grows to 3 h', () => {
    assert.deepEqual(
      [1, 2, 3, 11, 12, 13, 100].map(failures => pauseAfter(failures, 0)),
      [5, 10, 20, 5120, 10_240, 10_800, 10_800],
    )
    assert.equal(pauseAfter(1, 1), 5.5)
  })
})

describe('the secret of a webhook', () => {
  it('can be decrypted only for its owner, with the current or previous secret of the server', () => {
    const before = new SecretCipher(['the old secret'])
    const text = before.encrypt('ann', 'whsec_a')
    assert.ok(!text.includes('whsec') && text !== before.encrypt('ann', 'whsec_a'))
    assert.equal(new SecretCipher(['the new secret', 'the old secret']).decrypt('ann', text), 'whsec_a')
    assert.equal(before.decrypt('bob', text), undefined)
    assert.equal(new SecretCipher(['another secret']).decrypt('ann', text), undefined)
    assert.equal(before.decrypt('ann', `${text.slice(0, -2)}AA`), undefined)
    for (const broken of ['', 'x', '.', `${text.split('.')[0]}.`])
      assert.equal(before.decrypt('ann', broken), undefined)
  })
})
