/**
 * What keeps this version from being published, as sentences; nothing where it can be.
 * @param {object} release
 * @param {{ version: string, repository?: unknown }} release.manifest package.json
 * @param {string} release.changelog CHANGELOG.md
 * @param {{ changes: string, tags: string[], onMain: boolean }} release.git what differs from the commit, its tags, and whether
 *   main has it
 * @param {Record<string, string | undefined>} release.env
 * @returns {string[]}
 */
export function whatIsMissing({ manifest: { version, repository }, changelog, git, env }) {
  const [, heading] = /^## (.+)$/m.exec(changelog) ?? []
  const wanted = new RegExp(`^${version.replaceAll('.', '\\.')} - \\d{4}-\\d\\d-\\d\\d$`)
  return [
    git.changes !== '' && `The clone has changes that no commit has:\n${git.changes}`,
    !git.onMain && 'The commit is not on main.',
    !git.tags.includes(`v${version}`) && `The commit has no tag v${version}.`,
    !wanted.test(heading) &&
      `CHANGELOG.md begins with "${heading}" where "${version} - " and the day should be.`,
    repository === undefined &&
      'package.json does not say where the "repository" is: provenance ties the package to it.',
    !canVouch(env) &&
      'Nobody here can vouch for the build: publish from GitHub Actions (id-token: write) or GitLab CI (SIGSTORE_ID_TOKEN).',
  ].filter(sentence => sentence !== false)
}

function canVouch(env) {
  return env.ACTIONS_ID_TOKEN_REQUEST_URL !== undefined || env.SIGSTORE_ID_TOKEN !== undefined
}
