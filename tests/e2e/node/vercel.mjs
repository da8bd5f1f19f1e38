// The client side of the AI SDK, as useChat has it: the UI message stream and the text stream of the present version, and
// the data stream of version 4.

import { callChatApi, processDataStream } from '@ai-sdk/ui-utils'
import { DefaultChatTransport, TextStreamChatTransport, readUIMessageStream } from 'ai'
import { answer } from './answer.mjs'

await answer(async (job, result) => {
  await (job.stream === 'data' ? dataStream(job, result) : messageStream(job, result))
})

async function messageStream(job, result) {
  const Transport = job.stream === 'text' ? TextStreamChatTransport : DefaultChatTransport
  const transport = new Transport({
    api: `${job.url}${job.path}`, headers: job.headers,
    ...(job.body && { prepareSendMessagesRequest: ({ id }) => ({ body: { ...job.body, id } }) }),
  })
  const chunks = await transport.sendMessages({
    chatId: crypto.randomUUID(), trigger: 'submit-message', messageId: undefined, abortSignal: AbortSignal.timeout(30_000),
    messages: [{ id: crypto.randomUUID(), role: 'user', parts: [{ type: 'text', text: job.turn }] }],
  })
  const [seen, read] = chunks.tee()
  result.shown = ''
  const watch = async () => {
    for await (const chunk of seen) {
      // The deltas of a text stream are what comes in one piece.
      if (job.stream !== 'text' || result.events.at(-1) !== chunk.type) result.events.push(chunk.type)
      if (chunk.type === 'text-delta') result.shown += chunk.delta
      if (chunk.type === 'finish') result.finish = chunk.finishReason
      if (chunk.type === 'error') result.error = chunk.errorText
    }
  }
  const assemble = async () => {
    let message
    for await (message of readUIMessageStream({ stream: read, onError: error => { result.error = `${error}` } })) {}
    const parts = message?.parts ?? []
    result.text = parts.filter(part => part.type === 'text').map(part => part.text).join('')
    result.tools = parts.filter(part => part.type.startsWith('tool-')).map(part => [part.type, part.state, part.input, part.output])
    result.thought = parts.filter(part => part.type === 'reasoning').map(part => part.text).join('')
    result.other = parts.map(part => part.type)
  }
  await Promise.all([watch(), assemble()])
}

async function dataStream(job, result) {
  const kinds = [
    'StartStep', 'Text', 'Reasoning', 'ReasoningSignature', 'Data', 'ToolCallStreamingStart', 'ToolCallDelta', 'ToolCall',
    'ToolResult', 'MessageAnnotations', 'Error', 'FinishStep', 'FinishMessage',
  ]
  const handlers = Object.fromEntries(kinds.map(kind => [`on${kind}Part`, () => { result.events.push(kind) }]))
  let watched
  result.shown = ''
  try {
    await callChatApi({
      api: `${job.url}${job.path}`, streamProtocol: 'data', headers: job.headers,
      generateId: () => 'm', restoreMessagesOnFailure() {},
      body: { ...job.body, id: crypto.randomUUID() },
      fetch: async (...request) => {
        const response = await fetch(...request)
        const onTextPart = delta => { result.events.push('Text'); result.shown += delta }
        watched = processDataStream({ stream: response.clone().body, ...handlers, onTextPart })
        return response
      },
      onUpdate({ message }) {
        result.text = message.content
        result.tools = message.toolInvocations ?? []
      },
      onFinish(_, { finishReason, usage }) { Object.assign(result, { finish: finishReason, usage }) },
    })
  } finally {
    await watched
  }
}
