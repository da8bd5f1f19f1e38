"""A LangServe server: `python langserve_bot.py PORT`. The chains are the ones that its users write; the model is LangChain's
own fake, which says what it is told to."""

import itertools
import sys

import uvicorn
from fastapi import FastAPI
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langserve import add_routes

REPLY = "Order 1042 left the warehouse on Tuesday and is due on Friday between 9:00 and 12:00."
GUSHING = (
    "What a fantastic question, and I'm so incredibly excited to help you with it! "
    "The address can be changed until the parcel leaves, under My orders."
)
CALL = {"name": "find_order", "args": {"id": 1042}, "id": "call_find_order", "type": "tool_call"}


def model(text: str, **more) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=itertools.repeat(AIMessage(text, **more)))


prompt = ChatPromptTemplate([("system", "Answer from: {context}"), ("placeholder", "{chat_history}"), ("human", "{input}")])
found = RunnableLambda(lambda _: [Document("Parcels leave on Tuesdays.", metadata={"source": "delivery.md"})])

app = FastAPI()
add_routes(app, model(REPLY) | StrOutputParser(), path="/shop")
add_routes(app, model(GUSHING) | StrOutputParser(), path="/gusher")
add_routes(app, model(REPLY), path="/model")
add_routes(app, model("Let me look that up.", tool_calls=[CALL]), path="/tools")
answered = RunnablePassthrough.assign(context=found).assign(answer=prompt | model(REPLY) | StrOutputParser())
# Without the type LangServe 0.3.3 answers 500: what it derives for the output is not what comes out.
add_routes(app, answered.with_types(output_type=dict), path="/chain")

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
