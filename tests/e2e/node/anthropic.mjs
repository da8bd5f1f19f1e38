// The official Anthropic client: Messages and its stream helper.

import Anthropic from '@anthropic-ai/sdk'
import { answer } from './answer.mjs'

const tools = [{ name: 'find_order', input_schema: { type: 'object' } }]

await answer(async (job, result) => {
  const client = new Anthropic({
    baseURL: job.url, apiKey: 'not-a-key', maxRetries: 0, timeout: 30_000, defaultHeaders: job.headers,
  })
  const request = {
    model: 'm', max_tokens: 500, messages: [{ role: 'user', content: job.turn }], ...(job.tools && { tools }),
  }
  let message
  if (job.stream) {
    const stream = client.messages.stream(request)
    result.shown = ''
    stream.on('streamEvent', event => result.events.push([event.type, event.delta?.type ?? ''].join(' ')))
    stream.on('text', delta => { result.shown += delta })
    message = await stream.finalMessage()
  } else {
    message = await client.messages.create(request)
  }
  result.text = message.content.filter(block => block.type === 'text').map(block => block.text).join('')
  result.tools = message.content.filter(block => block.type === 'tool_use').map(call => [call.name, call.input])
  result.thought = message.content.filter(block => block.type === 'thinking').map(block => block.thinking).join('')
  result.finish = message.stop_reason
  result.usage = message.usage
})
