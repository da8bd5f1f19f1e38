// The official A2A client, in versions 1.0 and 0.3, over JSON-RPC and REST.

import { Role, TaskState } from '@a2a-js/sdk'
import { ClientFactory, JsonRpcTransportFactory, RestTransportFactory } from '@a2a-js/sdk/client'
import { answer } from './answer.mjs'

const legacyCompat = { enabled: true }
const factory = new ClientFactory({
  transports: [new JsonRpcTransportFactory({ legacyCompat }), new RestTransportFactory({ legacyCompat })],
})

await answer(async (job, result) => {
  const client = await factory.createFromAgentCard({
    name: 'Shop', description: '', version: '1', capabilities: { streaming: true }, skills: [],
    defaultInputModes: ['text/plain'], defaultOutputModes: ['text/plain'],
    supportedInterfaces: [{ url: `${job.url}${job.path}`, protocolBinding: job.binding, protocolVersion: job.version, tenant: '' }],
  })
  const request = {
    tenant: '',
    message: {
      messageId: crypto.randomUUID(), contextId: crypto.randomUUID(), taskId: '', role: Role.ROLE_USER,
      extensions: [], referenceTaskIds: [],
      parts: [{ content: { $case: 'text', value: job.turn }, filename: '', mediaType: 'text/plain' }],
    },
  }
  const options = { signal: AbortSignal.timeout(30_000), serviceParameters: job.headers }
  if (job.stream) {
    for await (const { payload } of client.sendMessageStream(request, options)) read(payload.$case, payload.value, result)
  } else {
    const reply = await client.sendMessage(request, options)
    read('status' in reply ? 'task' : 'message', reply, result)
  }
})

function words(message) {
  return (message?.parts ?? []).filter(part => part.content.$case === 'text').map(part => part.content.value).join('')
}

function read(kind, value, result) {
  const state = value.status && TaskState[value.status.state]
  result.events.push(state ? `${kind} ${state}` : kind)
  const message = kind === 'message' ? value : value.status?.message
  if (state === 'TASK_STATE_WORKING') result.progress = words(message)
  else result.text += words(message)
  const artifacts = kind === 'artifactUpdate' ? [value.artifact] : (value.artifacts ?? [])
  result.tools.push(...artifacts.map(artifact => [artifact.name, words(artifact)]))
  result.finish = state ?? null
}
