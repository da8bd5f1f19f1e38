// What the clients here have in common: a job a line on standard input, a line of JSON with what the client made of it.

import { createInterface } from 'node:readline'

// Some packages write notes to standard output.
console.log = console.info = console.debug = console.error
// Some let go of a promise that fails with the connection.
process.on('unhandledRejection', error => console.error(error))

export async function answer(play) {
  for await (const line of createInterface({ input: process.stdin })) {
    const result = { text: '', events: [], finish: null, usage: null, tools: [], error: null }
    try {
      await play(JSON.parse(line), result)
    } catch (error) {
      result.error = `${error.name}: ${error.message}`
    }
    process.stdout.write(`${JSON.stringify(result)}\n`)
  }
}
