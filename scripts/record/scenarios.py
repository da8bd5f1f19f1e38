"""What is asked of each server. The user turns were written for this, from calm to furious; nobody said them."""

from dataclasses import dataclass, field

TURNS = {
    "calm": "Where is order 1042?",
    "factual-problem": "The tracking page for order 1042 shows error 502.",
    "pleased": "Thank you so much, it arrived a day early and it fits perfectly! You made my day. When does my other order come?",
    "mildly-annoyed": "This is the second time I have to ask. Where is my order?",
    "worried": "I'm really worried my medication won't arrive before the weekend and I'm almost out. Where is my parcel?",
    "sad": "The frame was for my grandmother's funeral tomorrow and it still isn't here. I just feel awful. Where is the parcel?",
    "frustrated": "I've been trying to get my refund for three weeks and nobody answers. I'm so fed up with this.",
    "furious": "This is absolutely UNACCEPTABLE!!! You lost my parcel for the THIRD time and I want my money back NOW!",
}
USER_AGENT = "undertone-record/1"
FIND_ORDER = {
    "type": "function",
    "function": {
        "name": "find_order",
        "description": "Looks an order up",
        "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
    },
}


@dataclass
class Ask:
    name: str
    body: object = None  # str: sent as it is; None: no body; otherwise printed as JSON
    affect: str = "none"
    method: str = "POST"
    path: str = "/v1/chat/completions"
    headers: list[tuple[str, str]] = field(default_factory=list)
    expect: int = 200


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def chat(name: str, model: str, affect: str, messages=None, expect: int = 200, **more) -> Ask:
    """A chat completion; the user's turn is the one of `affect` unless `messages` says otherwise."""
    return Ask(name, {"model": model, "messages": messages or user(TURNS[affect]), **more}, affect, expect=expect)


STREAM = {"stream": True}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
HISTORY = [
    {"role": "system", "content": "You are the assistant of a small shop."},
    {"role": "user", "content": TURNS["frustrated"]},
    {"role": "assistant", "content": "Refunds take five working days."},
    {"role": "user", "content": "You already told me that twice! It has been TWENTY days, this is ridiculous."},
]
PARTS = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Look at this, the box arrived completely smashed!"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            {"type": "text", "text": "I'm furious."},
        ],
    }
]
LOOKED_UP = [
    {"role": "user", "content": "I'm so annoyed, where is order 1042?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_find_order", "type": "function", "function": {"name": "find_order", "arguments": '{"id":1042}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_find_order", "content": '{"status":"shipped"}'},
]
PREFILL = user(TURNS["furious"]) + [{"role": "assistant", "content": "Order 1042"}]
JSON_MODE = {"response_format": {"type": "json_object"}}
TWO_PARCELS = "I've had it, please look up both parcels!"

LITELLM_PLAIN = [
    *[chat(affect, "shop", affect) for affect in TURNS],
    chat("bot-gushes-at-calm", "gusher", "calm"),
    chat("bot-gushes-at-furious", "gusher", "furious"),
    chat("numbered-list", "steps", "frustrated"),
    chat("unicode-reply", "unicode", "worried"),
    chat("german-turn", "unicode", "furious", user("Das ist eine absolute Frechheit!!! Wo bleibt mein Paket?")),
    chat("undeclared-json", "json", "furious"),
    chat("code-fence", "code", "frustrated"),
    chat("think-tag", "think", "furious"),
    chat("two-choices", "shop", "furious", n=2),
    chat("history", "shop", "furious", HISTORY),
    chat("content-parts", "shop", "furious", PARTS),
    chat("after-tool-result", "shop", "mildly-annoyed", LOOKED_UP, tools=[FIND_ORDER]),
    chat("prefill", "shop", "furious", PREFILL),
    chat("relayed", "relay", "furious", user("This is infuriating.")),
    chat("relayed-length", "relay", "furious", user("Stop this nonsense, I want the terms, even cut short!")),
]
LITELLM_STREAM = [
    *[chat(affect, "shop", affect, **STREAM) for affect in TURNS],
    chat("calm-usage", "shop", "calm", **USAGE),
    chat("furious-usage", "shop", "furious", **USAGE),
    chat("bot-gushes-at-calm", "gusher", "calm", **STREAM),
    chat("bot-gushes-at-furious", "gusher", "furious", **STREAM),
    chat("numbered-list", "steps", "frustrated", **STREAM),
    chat("unicode-reply", "unicode", "worried", **USAGE),
    chat("undeclared-json", "json", "furious", **STREAM),
    chat("code-fence", "code", "frustrated", **STREAM),
    chat("think-tag", "think", "furious", **STREAM),
    chat("two-choices", "shop", "furious", n=2, **STREAM),
    chat("history", "shop", "furious", HISTORY, **STREAM),
    chat("relayed", "relay", "furious", user("This is infuriating."), **USAGE),
    chat("relayed-reasoning", "relay", "furious", user("Charged TWICE, are you kidding me?! think it through"), **STREAM),
    chat("relayed-tool-call", "relay", "mildly-annoyed", user("I'm so annoyed, where is order 1042?"), tools=[FIND_ORDER], **STREAM),
    chat("relayed-text-then-tool-calls", "relay", "frustrated", user(TWO_PARCELS), tools=[FIND_ORDER], **STREAM),
]
LITELLM_UNTOUCHED = [
    chat("json-mode", "json", "furious", **JSON_MODE),
    chat("json-mode-streamed", "json", "furious", **JSON_MODE, **STREAM),
    chat("relayed-tool-call-only", "relay", "mildly-annoyed", user("I'm so annoyed, where is order 1042?"), tools=[FIND_ORDER]),
    chat("unknown-model", "no-such-model", "furious", expect=400),
    chat("unknown-model-streamed", "no-such-model", "furious", expect=400, **STREAM),
    chat("rate-limited", "busy", "furious", expect=429),
    chat("rate-limited-streamed", "busy", "furious", expect=429, **STREAM),
    Ask("malformed-json", '{"model": "shop", "messages": [', "none", expect=400),
    Ask("list-models", None, method="GET", path="/v1/models"),
    Ask("legacy-completion", {"model": "shop", "prompt": TURNS["furious"]}, "furious", path="/v1/completions"),
    Ask("liveliness", None, method="GET", path="/health/liveliness"),
    Ask("no-such-path", {"model": "shop", "messages": user("hi")}, path="/v1/no-such-path", expect=404),
]
LITELLM_TOOLS = [chat("text-with-tool-call", "tools", "mildly-annoyed", tools=[FIND_ORDER])]

AIMOCK_PLAIN = [
    *[chat(affect, "gpt-4o", affect, user(TURNS[affect] + " Please answer.")) for affect in ("calm", "pleased", "sad", "furious")],
    chat("reasoning", "gpt-4o", "furious", user("Charged TWICE, are you kidding me?! think it through")),
    chat("text-with-tool-calls", "gpt-4o", "frustrated", user(TWO_PARCELS), tools=[FIND_ORDER]),
    chat("tool-call-only", "gpt-4o", "mildly-annoyed", user("I'm so annoyed, where is order 1042?"), tools=[FIND_ORDER]),
    chat("after-tool-result", "gpt-4o", "mildly-annoyed", LOOKED_UP, tools=[FIND_ORDER]),
    chat("markdown", "gpt-4o", "frustrated", user("I'm losing my patience, tell me the long story.")),
    chat("length", "gpt-4o", "furious", user("Stop this nonsense, I want the terms, even cut short!")),
    chat("unicode", "gpt-4o", "worried", user("Ich habe Angst, dass es zu spät kommt. Gibt es Größe 42?")),
    chat("json-mode", "gpt-4o", "furious", user("Tell me NOW, as JSON!"), **JSON_MODE),
    chat("rate-limited", "gpt-4o", "furious", user("too many requests, seriously?!"), expect=429),
]
AIMOCK_STREAM = [
    Ask(ask.name, {**ask.body, **(USAGE if ask.name in ("calm", "furious", "reasoning") else STREAM)}, ask.affect, expect=ask.expect)
    for ask in AIMOCK_PLAIN
]


def responses(name: str, affect: str, input=None, **more) -> Ask:
    """A response of OpenAI's Responses API; the user's turn is the one of `affect` unless `input` says otherwise."""
    body = {"model": "gpt-4o", "input": input or TURNS[affect] + " Please answer.", **more}
    return Ask(name, body, affect, path="/v1/responses")


RESPONSES_HISTORY = [
    {"role": "developer", "content": "You are the assistant of a small shop."},
    {"role": "user", "content": TURNS["frustrated"]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Refunds take five working days."}]},
    {"role": "user", "content": [{"type": "input_text", "text": "You already told me that twice! This is ridiculous."}]},
]
RESPONSES_TOOL = {"type": "function", "name": "find_order", "parameters": FIND_ORDER["function"]["parameters"]}
AIMOCK_RESPONSES = [
    *[responses(affect, affect) for affect in ("calm", "pleased", "sad", "furious")],
    responses("history", "furious", RESPONSES_HISTORY),
    responses("reasoning", "furious", "Charged TWICE, are you kidding me?! think it through"),
    responses("text-with-tool-calls", "frustrated", TWO_PARCELS, tools=[RESPONSES_TOOL]),
    responses("tool-call-only", "mildly-annoyed", "I'm so annoyed, where is order 1042?", tools=[RESPONSES_TOOL]),
    responses("markdown", "frustrated", "I'm losing my patience, tell me the long story."),
    responses("unicode", "worried", "Ich habe Angst, dass es zu spät kommt. Gibt es Größe 42?"),
    responses("json-mode", "furious", "Tell me NOW. As JSON!", text={"format": {"type": "json_object"}}),
]
AIMOCK_RESPONSES_STREAM = [
    Ask(ask.name, {**ask.body, **STREAM}, ask.affect, path=ask.path) for ask in AIMOCK_RESPONSES
]


def own(name: str, affect: str, message: str | None = None, accept: str = "application/json") -> Ask:
    body = {"session": "s-" + name, "message": message or TURNS[affect]}
    return Ask(name, body, affect, path="/chat", headers=[("Accept", accept)])


CUSTOM_PLAIN = [
    *[own(affect, affect) for affect in TURNS],
    own("unicode", "worried", "I'm afraid the café is already closed. Is it?"),
    Ask("bad-request", "not json", path="/chat", expect=400),
    Ask("no-such-path", {"session": "s", "message": "hi"}, path="/talk", expect=404),
]
CUSTOM_SSE = [
    *[own(affect, affect, accept="text/event-stream") for affect in TURNS],
    own("unicode", "worried", "I'm afraid the café is already closed. Is it?", accept="text/event-stream"),
]
CUSTOM_NDJSON = [
    *[own(affect, affect, accept="application/x-ndjson") for affect in TURNS],
    own("unicode", "worried", "I'm afraid the café is already closed. Is it?", accept="application/x-ndjson"),
]
