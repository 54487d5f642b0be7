// `npm publish` of a folder packs in memory, where `postpack` (slim.mjs) cannot remove the files that
// no running server reads. `npm run release` publishes the file that `npm pack` wrote.
process.stderr.write('Publish with: npm run release -- --publish\n')
process.exitCode = 1
