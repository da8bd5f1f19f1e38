// The official AG-UI client.

import { HttpAgent } from '@ag-ui/client'
import { answer } from './answer.mjs'

await answer(async (job, result) => {
  const agent = new HttpAgent({
    url: `${job.url}${job.path}`, headers: job.headers, threadId: crypto.randomUUID(), initialMessages: job.messages,
  })
  let speaking
  result.shown = ''
  const { result: outcome, newMessages } = await agent.runAgent({}, {
    onEvent({ event }) {
      result.events.push(event.type)
      if (event.type === 'RUN_ERROR') result.error = event.message
    },
    onTextMessageStartEvent({ event }) { if (event.role === 'assistant') speaking = event.messageId },
    onTextMessageContentEvent({ event }) { if (event.messageId === speaking) result.shown += event.delta },
  })
  const said = newMessages.filter(message => message.role === 'assistant')
  result.text = said.map(message => message.content ?? '').join('')
  result.tools = said.flatMap(message => message.toolCalls ?? [])
  result.finish = outcome ?? null
  result.other = newMessages.map(message => message.role)
})
