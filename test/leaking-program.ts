// Does what the program must not do: prints its settings.
process.stdout.write(`${JSON.stringify(process.env)}\n`)
