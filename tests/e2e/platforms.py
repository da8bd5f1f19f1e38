"""The servers of two bot frameworks for test_platforms.py: `python platforms.py PORT`.

LangServe serves /shop, whose output is a string, and /model, whose output is a message. An agent of the Microsoft 365
Agents SDK, which speaks the Bot Framework's activities, is at /api/messages."""

import itertools
import sys

import uvicorn
from fastapi import FastAPI, Request
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langserve import add_routes
from microsoft_agents.activity import Activity
from microsoft_agents.hosting.core import ActivityHandler, AgentAuthConfiguration, AnonymousTokenProvider, MessageFactory
from microsoft_agents.hosting.core.authorization import ConnectionManager
from microsoft_agents.hosting.fastapi import CloudAdapter

REPLY = "Your order left today. It arrives on Friday."

app = FastAPI()
model = GenericFakeChatModel(messages=itertools.repeat(AIMessage(REPLY)))
add_routes(app, model, path="/model")
add_routes(app, model | StrOutputParser(), path="/shop")


class Agent(ActivityHandler):
    async def on_message_activity(self, turn_context):
        await turn_context.send_activity(Activity(type="typing"))
        await turn_context.send_activity(MessageFactory.text(REPLY, speak=REPLY))


nobody = ConnectionManager(lambda settings: AnonymousTokenProvider(), {"SERVICE_CONNECTION": AgentAuthConfiguration()})
adapter = CloudAdapter(connection_manager=nobody)


@app.post("/api/messages")
async def messages(request: Request):
    return await adapter.process(request, Agent())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
