/**
 * Why this version cannot be published, as sentences; empty if it can.
 * @param {object} release
 * @param {{ version: string, repository?: unknown }} release.manifest package.json
 * @param {string} release.changelog CHANGELOG.md
 * @param {{ changes: string, tags: string[], onMain: boolean }} release.git uncommitted changes,
 *   tags of the commit, and whether it is on main
 * @param {Record<string, string | undefined>} release.env
 * @returns {string[]}
 */
export function whatIsMissing({ manifest: { version, repository }, changelog, git, env }) {
  const [, heading] = /^## (.+)$/m.exec(changelog) ?? []
  const wanted = new RegExp(`^${version.replaceAll('.', '\\.')} - \\d{4}-\\d\\d-\\d\\d$`)
  return [
    git.changes !== '' && `The clone has uncommitted changes:\n${git.changes}`,
    !git.onMain && 'The commit is not on main.',
    !git.tags.includes(`v${version}`) && `The commit has no tag v${version}.`,
    !wanted.test(heading) &&
      `CHANGELOG.md begins with "${heading}". It must begin with "${version} - " and the date.`,
    repository === undefined && 'package.json has no "repository". Provenance requires it.',
    !canProveOrigin(env) &&
      'Provenance cannot be created here. Publish from GitHub Actions (id-token: write) or GitLab CI (SIGSTORE_ID_TOKEN).',
  ].filter(sentence => sentence !== false)
}

function canProveOrigin(env) {
  return env.ACTIONS_ID_TOKEN_REQUEST_URL !== undefined || env.SIGSTORE_ID_TOKEN !== undefined
}
