import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readConfig } from '../server/config/config.ts'
import { accepted, type Manifest, readYaml, root, stopSeconds } from './manifests.ts'
import { type Served, served, testSecret } from './served.ts'

// Checks deploy/kubernetes with the types of Kubernetes, and against the program.

const folder = 'deploy/kubernetes'
const secretKeys = { DATABASE_URL: 'postgres://duly@db/duly', BETTER_AUTH_SECRET: testSecret }
const [kustomization] = readYaml(`${folder}/kustomization.yaml`)
const resources: string[] = kustomization.resources
const manifests = [...resources, 'secret.example.yaml'].flatMap(file => readYaml(`${folder}/${file}`))
const one = (kind: string): Manifest => manifests.find(manifest => manifest.kind === kind)
const { spec } = one('Deployment')
const pod = spec.template.spec
const [container] = pod.containers
const [generated] = kustomization.configMapGenerator
const settings: Record<string, string> = Object.fromEntries(
  generated.literals.map((literal: string) => literal.split(/=(.*)/s)),
)
/** The settings of the image are tested in test/deploy.embedded.test.ts. */
const config = accepted({ ...settings, ...secretKeys })

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

/** The module of kubernetes-types with this API version, such as apps/v1. */
function typesOf({ apiVersion }: Manifest): string {
  const [version, group = 'core'] = apiVersion.split('/').reverse()
  return join(root, 'tools', 'node_modules', 'kubernetes-types', group.split('.')[0], `${version}.d.ts`)
}

describe('deploy/kubernetes', () => {
  it('has all required fields, and no unknown ones', () => {
    const declare = (manifest: Manifest, n: number) =>
      `export const m${n}: import(${JSON.stringify(typesOf(manifest))}).${manifest.kind} = ${JSON.stringify(manifest)}`
    const misspelt = { ...one('Deployment'), spec: { ...spec, replica: 3 } }
    const lines = [...manifests.map(declare), '// @ts-expect-error', declare(misspelt, manifests.length)]
    const scratch = mkdtempSync(join(tmpdir(), 'duly-kubernetes-'))
    writeFileSync(join(scratch, 'manifests.ts'), lines.join('\n'))
    const compiler = join(root, 'node_modules', 'typescript-native', 'bin', 'tsc')
    const options = ['--noEmit', '--strict', '--ignoreConfig', '--module', 'preserve', '--types', '']
    try {
      execFileSync(process.execPath, [compiler, ...options, join(scratch, 'manifests.ts')], { cwd: scratch })
    } catch (error) {
      assert.fail(String((error as { stdout: unknown }).stdout))
    } finally {
      rmSync(scratch, { recursive: true })
    }
  })

  it('applies every manifest except the example secret, with which no pod starts', () => {
    const others = ['kustomization.yaml', 'secret.example.yaml']
    const files = readdirSync(join(root, folder)).filter(name => name.endsWith('.yaml'))
    assert.deepEqual([...resources, ...others].sort(), files.sort())
    assert.equal(kustomization.images[0].name, container.image)
    assert.throws(() => readConfig(one('Secret').stringData), /BETTER_AUTH_SECRET: must have at least 32/)
  })

  it('gives a pod its settings, and starts none without a database and a secret', () => {
    const [fromMap, fromSecret] = container.envFrom
    assert.equal(fromMap.configMapRef.name, generated.name)
    const secret = one('Secret')
    assert.equal(fromSecret.secretRef.name, secret.metadata.name)
    const named = container.env.map(({ name, valueFrom: { secretKeyRef } }: Manifest) => {
      assert.deepEqual(secretKeyRef, { name: secret.metadata.name, key: name })
      return name
    })
    assert.deepEqual(named, Object.keys(secretKeys))
    assert.deepEqual(Object.keys(secret.stringData), named)
  })

  it('probes existing paths and ports, often enough for a rollout without failed requests', async () => {
    const http = container.ports.find(({ name }: Manifest) => name === 'http')
    assert.equal(http.containerPort, config.port)
    for (const kind of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const { path, port } = container[kind].httpGet
      assert.equal(port, 'http')
      assert.equal((await api.call('GET', path)).status, 200)
    }
    const metrics = container.ports.find(({ name }: Manifest) => name === 'metrics')
    assert.equal(metrics.containerPort, config.metrics?.port)
    assert.equal(spec.template.metadata.annotations['prometheus.io/port'], `${metrics.containerPort}`)
    const { httpGet, periodSeconds, failureThreshold } = container.readinessProbe
    assert.deepEqual([httpGet.path, periodSeconds, failureThreshold], ['/readyz', 1, 1])
    assert.equal(container.livenessProbe.httpGet.path, '/livez')
    assert.ok(config.shutdownGrace > periodSeconds + container.readinessProbe.timeoutSeconds)
    assert.ok(pod.terminationGracePeriodSeconds > stopSeconds(config))
  })

  it('keeps the service available during a rollout, within the connections of PostgreSQL', () => {
    const { rollingUpdate } = spec.strategy
    const budget = one('PodDisruptionBudget').spec
    assert.deepEqual([spec.replicas, rollingUpdate.maxUnavailable, budget.maxUnavailable], [3, 0, 1])
    assert.ok((spec.replicas + rollingUpdate.maxSurge) * config.databasePool <= 97)
    const labels = spec.template.metadata.labels
    for (const selector of [spec.selector, budget.selector, one('NetworkPolicy').spec.podSelector]) {
      assert.deepEqual(selector.matchLabels, labels)
    }
    assert.deepEqual(one('Service').spec.selector, labels)
    assert.deepEqual(one('Service').spec.ports[0].targetPort, 'http')
    for (const { labelSelector } of pod.topologySpreadConstraints)
      assert.deepEqual(labelSelector.matchLabels, labels)
  })

  it('runs without privileges, as the restricted profile requires', () => {
    const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext
    assert.deepEqual([runAsNonRoot, runAsUser, seccompProfile.type], [true, 65_532, 'RuntimeDefault'])
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    assert.deepEqual([pod.automountServiceAccountToken, pod.enableServiceLinks], [false, false])
    assert.equal(one('Namespace').metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted')
    const writable = container.volumeMounts.map(({ mountPath }: Manifest) => mountPath)
    assert.deepEqual(writable, ['/tmp'])
  })
})
