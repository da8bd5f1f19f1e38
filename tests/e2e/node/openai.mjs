// The official OpenAI client: Chat Completions and its stream helper, Responses and its stream helper.

import OpenAI from 'openai'
import { answer } from './answer.mjs'

const tools = [{ type: 'function', function: { name: 'find_order', parameters: { type: 'object' } } }]
const events = [
  'chunk', 'content', 'content.delta', 'content.done', 'tool_calls.function.arguments.delta',
  'tool_calls.function.arguments.done', 'message', 'chatCompletion', 'finalContent', 'finalMessage', 'finalChatCompletion',
  'totalUsage', 'end',
]

await answer(async (job, result) => {
  const client = new OpenAI({
    baseURL: `${job.url}/v1`, apiKey: 'not-a-key', maxRetries: 0, timeout: 30_000, defaultHeaders: job.headers,
  })
  await (job.api === 'responses' ? respond(client, job, result) : chat(client, job, result))
})

async function chat(client, job, result) {
  const request = { model: 'gpt-4o', messages: [{ role: 'user', content: job.turn }], ...(job.tools && { tools }) }
  let completion
  if (job.stream) {
    const stream = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } })
    result.shown = result.thought = ''
    for (const name of events) stream.on(name, () => result.events.push(name))
    stream.on('content', delta => { result.shown += delta })
    // The helper keeps the last piece only of a member that it does not know.
    stream.on('chunk', chunk => { result.thought += chunk.choices[0]?.delta.reasoning_content ?? '' })
    completion = await stream.finalChatCompletion()
  } else {
    completion = await client.chat.completions.create(request)
    result.thought = completion.choices[0].message.reasoning_content ?? ''
  }
  const [choice] = completion.choices
  result.text = choice.message.content ?? ''
  result.tools = (choice.message.tool_calls ?? []).map(call => [call.function.name, call.function.arguments])
  result.finish = choice.finish_reason
  result.usage = completion.usage
}

async function respond(client, job, result) {
  const request = { model: 'gpt-4o', input: job.turn, ...(job.tools && { tools: [{ type: 'function', ...tools[0].function }] }) }
  let response
  if (job.stream) {
    const stream = client.responses.stream(request)
    result.shown = ''
    for await (const event of stream) {
      result.events.push([event.type, event.sequence_number ?? ''].join(' '))
      if (event.type === 'response.output_text.delta') result.shown += event.delta
    }
    response = await stream.finalResponse()
  } else {
    response = await client.responses.create(request)
  }
  result.text = response.output_text
  result.tools = response.output.filter(item => item.type === 'function_call').map(call => [call.name, call.arguments])
  result.thought = response.output.flatMap(item => item.summary ?? []).map(part => part.text).join('')
  result.finish = response.status
  result.usage = response.usage
}
