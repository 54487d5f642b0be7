// `npm publish` of a directory packs in memory, where `postpack` (slim.mjs) cannot remove files.
// `npm run release` publishes the file that `npm pack` wrote.
process.stderr.write('Publish with: npm run release -- --publish\n')
process.exitCode = 1
