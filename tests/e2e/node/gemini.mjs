// The official Gemini client.

import { GoogleGenAI } from '@google/genai'
import { answer } from './answer.mjs'

const tools = [{ functionDeclarations: [{ name: 'find_order', parametersJsonSchema: { type: 'object' } }] }]

await answer(async (job, result) => {
  const httpOptions = { baseUrl: job.url, apiVersion: 'v1beta', headers: job.headers, timeout: 30_000 }
  const { models } = new GoogleGenAI({ apiKey: 'not-a-key', httpOptions })
  const request = { model: 'm', contents: job.turn, ...(job.tools && { config: { tools } }) }
  const replies = job.stream ? await models.generateContentStream(request) : [await models.generateContent(request)]
  result.thought = ''
  for await (const reply of replies) {
    const [candidate] = reply.candidates
    const parts = candidate.content?.parts ?? []
    result.events.push(parts.map(part => Object.keys(part).join()).join('+'))
    result.text += parts.filter(part => part.text && !part.thought).map(part => part.text).join('')
    result.thought += parts.filter(part => part.thought).map(part => part.text).join('')
    result.tools.push(...(reply.functionCalls ?? []).map(call => [call.name, call.args]))
    result.finish = candidate.finishReason ?? result.finish
    result.usage = reply.usageMetadata ?? result.usage
  }
})
