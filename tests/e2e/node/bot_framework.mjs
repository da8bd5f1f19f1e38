// The Bot Framework's connector, which hands an activity to a bot and reads a set of activities off the response. A stream of
// them is read as the Copilot Studio client reads it; that client itself would wrap the activity in an envelope of its own.

import { createRequire } from 'node:module'
import { Activity } from '@microsoft/agents-activity'
import { createEventSource } from 'eventsource-client'
import { answer } from './answer.mjs'

const require = createRequire(import.meta.url)
const { BotFrameworkAuthenticationFactory, PasswordServiceClientCredentialFactory } = require('botframework-connector')

await answer(async (job, result) => {
  const activity = job.activity ?? {
    type: 'message', id: 'act-1', channelId: 'directline', from: { id: 'user-1' }, text: job.turn, deliveryMode: 'expectReplies',
  }
  activity.conversation = { ...activity.conversation, id: crypto.randomUUID() }
  const activities = activity.deliveryMode === 'stream' ? await stream(job, activity) : await expectReplies(job, activity)
  result.events = activities.map(({ type, name }) => name ?? type)
  const messages = activities.filter(({ type }) => type === 'message')
  result.text = messages.map(({ text }) => text ?? '').join('')
  result.pieces = activities.map(({ text, speak }) => [text ?? '', speak ?? ''])
  const told = activities.filter(({ entities }) => entities?.some(({ streamType }) => ['streaming', 'final'].includes(streamType)))
  result.grows = told.every(({ text }, at) => at === 0 || text.startsWith(told[at - 1].text))
  result.tools = messages.flatMap(({ attachments }) => attachments ?? [])
  result.other = activities.map(({ text, speak, id, replyToId, conversation, ...rest }) => rest)
})

async function expectReplies(job, activity) {
  const noCredentials = new PasswordServiceClientCredentialFactory('', '')
  const send = (url, init) => fetch(url, { ...init, method: 'POST', headers: { ...init.headers, ...job.headers } })
  const authentication = BotFrameworkAuthenticationFactory.create(...new Array(9), noCredentials, undefined, job.headers && send)
  const client = authentication.createBotFrameworkClient()
  const nowhere = 'http://127.0.0.1:9/'
  const { status, body } = await client.postActivity('', '', `${job.url}/api/messages`, nowhere, activity.conversation.id, activity)
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body.activities
}

async function stream(job, activity) {
  const source = createEventSource({
    url: `${job.url}/api/messages`, method: 'POST', body: JSON.stringify(activity),
    headers: { 'content-type': 'application/json', ...job.headers },
    onScheduleReconnect: () => source.close(),
  })
  const activities = []
  for await (const { event, data } of source) {
    if (event === 'activity') activities.push(Activity.fromJson(data))
    if (event === 'invokeResponse') break
  }
  source.close()
  return activities
}
