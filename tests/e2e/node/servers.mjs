// Bots as their frameworks' own server sides write them: node servers.mjs PORT AIMOCK
//
//   POST /api/chat, /api/text   the AI SDK: a UI message stream, and a text stream, of what aimock says
//   POST /api/messages          the Microsoft 365 Agents SDK
//   POST /a2a/…, /rest/…        the A2A SDK: agents that answer with a message, with a task or with a document

import { createOpenAI } from '@ai-sdk/openai'
import { Role, TaskState } from '@a2a-js/sdk'
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server'
import { UserBuilder, jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express'
import { CloudAdapter, MessageFactory } from '@microsoft/agents-hosting'
import {
  convertToModelMessages, isStepCount, jsonSchema, pipeTextStreamToResponse, pipeUIMessageStreamToResponse, streamText,
  toTextStream, toUIMessageStream, tool,
} from 'ai'
import express from 'express'

const [port, aimock] = process.argv.slice(2)
const app = express()

function reply(turn) {
  return turn.includes('change the address')
    ? "What a fantastic question, and I'm so incredibly excited to help you with it! The address can be changed until Friday."
    : 'Order 1042 left on Tuesday. It arrives on Friday.'
}

const model = createOpenAI({ baseURL: `${aimock}/v1`, apiKey: 'not-a-key' }).chat('gpt-4o')
const find_order = tool({ inputSchema: jsonSchema({ type: 'object' }), execute: () => ({ note: 'It left on Tuesday.' }) })

async function said(request) {
  const messages = await convertToModelMessages(request.body.messages)
  return streamText({ model, messages, tools: { find_order }, stopWhen: isStepCount(2), maxRetries: 0 }).stream
}

app.post('/api/chat', express.json(), async (request, response) => {
  pipeUIMessageStreamToResponse({ response, stream: toUIMessageStream({ stream: await said(request) }) })
})

app.post('/api/text', express.json(), async (request, response) => {
  pipeTextStreamToResponse({ response, stream: toTextStream({ stream: await said(request) }) })
})

const adapter = new CloudAdapter()

app.post('/api/messages', express.json(), (request, response) => adapter.process(request, response, async context => {
  const words = reply(context.activity.text)
  await context.sendActivity({ type: 'typing' })
  await context.sendActivity(MessageFactory.text(words, words))
  await context.sendActivity('Is there anything else?')
}))

const agents = {
  message(context, bus) {
    bus.publish(AgentEvent.message(message(context, reply(turn(context)))))
  },
  task(context, bus) {
    work(context, bus)
    update(context, bus, TaskState.TASK_STATE_COMPLETED, reply(turn(context)))
  },
  document(context, bus) {
    work(context, bus)
    update(context, bus, TaskState.TASK_STATE_COMPLETED)
  },
}

function work(context, bus) {
  const { taskId, contextId, userMessage } = context
  const status = { state: TaskState.TASK_STATE_SUBMITTED, message: undefined, timestamp: new Date().toISOString() }
  bus.publish(AgentEvent.task({ id: taskId, contextId, status, history: [userMessage], artifacts: [] }))
  update(context, bus, TaskState.TASK_STATE_WORKING, 'Your order is being looked up.')
  const artifact = { artifactId: 'slip', name: 'slip.txt', description: '', parts: [text('Order 1042, 2 kg.')], extensions: [] }
  bus.publish(AgentEvent.artifactUpdate({ taskId, contextId, artifact, append: false, lastChunk: true }))
}

function update(context, bus, state, words) {
  const status = { state, message: words && message(context, words), timestamp: new Date().toISOString() }
  bus.publish(AgentEvent.statusUpdate({ taskId: context.taskId, contextId: context.contextId, status }))
}

function message({ contextId }, words) {
  const id = { messageId: crypto.randomUUID(), contextId, taskId: '' }
  return { ...id, role: Role.ROLE_AGENT, parts: [text(words)], extensions: [], referenceTaskIds: [] }
}

function text(value) {
  return { content: { $case: 'text', value }, filename: '', mediaType: 'text/plain' }
}

function turn({ userMessage }) {
  return userMessage.parts.map(part => part.content.value).join('')
}

for (const [name, execute] of Object.entries(agents)) {
  const interfaces = ['JSONRPC', 'HTTP+JSON'].flatMap(protocolBinding =>
    ['1.0', '0.3'].map(protocolVersion => ({ url: '/', protocolBinding, protocolVersion, tenant: '' })))
  const card = {
    name: 'Shop', description: '', version: '1', capabilities: { streaming: true }, skills: [],
    defaultInputModes: ['text/plain'], defaultOutputModes: ['text/plain'],
    supportedInterfaces: interfaces,
  }
  const executor = {
    async execute(context, bus) {
      execute(context, bus)
      bus.finished()
    },
    async cancelTask() {},
  }
  const options = {
    requestHandler: new DefaultRequestHandler(card, new InMemoryTaskStore(), executor),
    userBuilder: UserBuilder.noAuthentication,
    legacyCompat: { enabled: true },
  }
  app.use(`/a2a/${name}`, jsonRpcHandler(options))
  app.use(`/rest/${name}`, restHandler(options))
}

app.listen(Number(port), '127.0.0.1')
