// aimock's AG-UI server: node ag_ui.mjs PORT. The events are made by its own builders, as for its users' tests.

import {
  AGUIMock, buildAGUICompositeResponse, buildAGUIReasoningResponse, buildAGUITextChunkResponse, buildAGUITextResponse,
  buildAGUIToolCallResponse,
} from '@copilotkit/aimock'

const REPLY = 'Order 1042 left the warehouse on Tuesday and is due on Friday between 9:00 and 12:00.'
const bot = new AGUIMock({ port: Number(process.argv[2]), host: '127.0.0.1' })
const order = id => buildAGUIToolCallResponse('find_order', JSON.stringify({ id }), { result: '{"status":"shipped"}' })

bot.onMessage('change the address',
  "What a fantastic question, and I'm so incredibly excited to help you with it! The address can be changed until the parcel leaves, under My orders.")
bot.onRun('think it through', buildAGUICompositeResponse([
  buildAGUIReasoningResponse('The user paid twice. Compare both charges before answering.'),
  buildAGUITextResponse('Both charges are for order 1042. The second one was released on Monday.'),
]))
bot.onRun('both parcels', buildAGUICompositeResponse([
  buildAGUITextResponse('Let me look both of them up.'), order(1042), order(1043),
  buildAGUITextResponse('One is at the depot, the other is on its way.'),
]))
bot.onToolCall('where is order 1042', 'find_order', '{"id":1042}')
bot.onRun('In one chunk', buildAGUITextChunkResponse(REPLY))
bot.onMessage(/./, REPLY)

await bot.start()
