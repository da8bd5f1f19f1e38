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


def dialogue(*texts: str) -> list[tuple[str, str]]:
    """Who said what: the user first, and last."""
    return [(("user", "assistant")[at % 2], text) for at, text in enumerate(texts)]


# What is asked of a model in each format of a model's maker.
MODEL_TURNS = {
    "calm": ("calm", dialogue(TURNS["calm"] + " Please answer."), {}),
    "mildly-annoyed": ("mildly-annoyed", dialogue(TURNS["mildly-annoyed"] + " Please answer."), {}),
    "furious": ("furious", dialogue(TURNS["furious"] + " Please answer."), {}),
    "bot-gushes-at-calm": ("calm", dialogue("How do I change the address?"), {}),
    "history": (
        "furious",
        dialogue(TURNS["frustrated"], "Refunds take five working days.", "You already told me that twice! This is ridiculous."),
        {"system": "You are the assistant of a small shop."},
    ),
    "thinking": ("furious", dialogue("Charged TWICE, are you kidding me?! think it through"), {"thinks": True}),
    "text-with-tool-calls": ("frustrated", dialogue(TWO_PARCELS), {"tools": True}),
    "tool-call-only": ("mildly-annoyed", dialogue("I'm so annoyed, where is order 1042?"), {"tools": True}),
}
PARAMETERS = FIND_ORDER["function"]["parameters"]


def anthropic(name: str, model: str = "claude-sonnet-4-5", *, of: str = "", **more) -> Ask:
    affect, turns, has = MODEL_TURNS[of or name]
    body = {"model": model, "max_tokens": 2048, "messages": [{"role": role, "content": text} for role, text in turns]}
    if "system" in has:
        body["system"] = has["system"]
    if "thinks" in has and model != "relay":  # LiteLLM does not take it for a model of OpenAI's; aimock thinks unasked
        body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if "tools" in has:
        body["tools"] = [{"name": "find_order", "description": "Looks an order up", "input_schema": PARAMETERS}]
    headers = [("Accept", "application/json"), ("anthropic-version", "2023-06-01")]
    return Ask(name, body | more, affect, path="/v1/messages", headers=headers)


def gemini(name: str, *, stream: bool, models: str = "/v1beta/models", of: str = "") -> Ask:
    affect, turns, has = MODEL_TURNS[of or name]
    body = {"contents": [{"role": role.replace("assistant", "model"), "parts": [{"text": text}]} for role, text in turns]}
    if "system" in has:
        body["systemInstruction"] = {"parts": [{"text": has["system"]}]}
    if "thinks" in has:
        body["generationConfig"] = {"thinkingConfig": {"includeThoughts": True}}
    if "tools" in has:
        declaration = {"name": "find_order", "description": "Looks an order up", "parameters": PARAMETERS}
        body["tools"] = [{"functionDeclarations": [declaration]}]
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Ask(name, body, affect, path=f"{models}/gemini-2.5-flash:{method}", headers=[("Accept", "*/*")])


def ollama(name: str, *, stream: bool) -> Ask:
    affect, turns, has = MODEL_TURNS[name]
    system = [{"role": "system", "content": has["system"]}] if "system" in has else []
    body = {"model": "qwen3", "messages": system + [{"role": role, "content": text} for role, text in turns], "stream": stream}
    if "thinks" in has:
        body["think"] = True
    if "tools" in has:
        body["tools"] = [FIND_ORDER]
    return Ask(name, body, affect, path="/api/chat")


def ollama_generate(*, stream: bool) -> Ask:
    body = {"model": "qwen3", "prompt": MODEL_TURNS["furious"][1][0][1], "stream": stream}
    return Ask("generate", body, "furious", path="/api/generate")


VERTEX = "/v1/projects/shop/locations/europe-west1/publishers/google/models"
AIMOCK_ANTHROPIC = [anthropic(name) for name in MODEL_TURNS]
AIMOCK_ANTHROPIC_STREAM = [anthropic(name, **STREAM) for name in MODEL_TURNS]
AIMOCK_GEMINI, AIMOCK_GEMINI_STREAM = (
    [*[gemini(name, stream=stream) for name in MODEL_TURNS], gemini("vertex", stream=stream, models=VERTEX, of="furious")]
    for stream in (False, True)
)
AIMOCK_OLLAMA, AIMOCK_OLLAMA_STREAM = (
    [*[ollama(name, stream=stream) for name in MODEL_TURNS], ollama_generate(stream=stream)] for stream in (False, True)
)
LITELLM_ANTHROPIC = [
    *[anthropic(name, "shop") for name in ("calm", "mildly-annoyed", "furious", "history")],
    anthropic("bot-gushes-at-calm", "gusher"),
    *[anthropic(f"relayed-{name}", "relay", of=name) for name in ("bot-gushes-at-calm", "thinking", "text-with-tool-calls", "tool-call-only")],
]
LITELLM_ANTHROPIC_STREAM = [
    anthropic("furious", "shop", **STREAM),
    *[anthropic(f"relayed-{name}", "relay", of=name, **STREAM) for name in MODEL_TURNS if name != "history"],
]

# From here on: what the official clients send.


def ai_sdk(name: str, affect: str, *texts: str, path: str = "/api/chat") -> Ask:
    turns = enumerate(dialogue(*texts or (TURNS[affect] + " Please answer.",)))
    messages = [{"id": f"m-{at}", "role": role, "parts": [{"type": "text", "text": text}]} for at, (role, text) in turns]
    body = {"id": f"chat-{name}", "messages": messages, "trigger": "submit-message"}
    return Ask(name, body, affect, path=path, headers=[("Accept", "*/*")])


AI_SDK_STREAM = [
    *[ai_sdk(affect, affect) for affect in ("calm", "mildly-annoyed", "furious")],
    ai_sdk("bot-gushes-at-calm", "calm", "How do I change the address?"),
    ai_sdk("history", "furious", *(text for _, text in MODEL_TURNS["history"][1])),
    ai_sdk("tool-call", "mildly-annoyed", "I'm so annoyed, where is order 1042?"),
    ai_sdk("text-with-tool-calls", "frustrated", TWO_PARCELS),
    ai_sdk("rate-limited", "furious", "too many requests, seriously?!"),
    ai_sdk("text-calm", "calm", path="/api/text"),
    ai_sdk("text-furious", "furious", path="/api/text"),
    ai_sdk("text-bot-gushes-at-calm", "calm", "How do I change the address?", path="/api/text"),
    ai_sdk("text-tool-call", "mildly-annoyed", "I'm so annoyed, where is order 1042?", path="/api/text"),
]


def a2a(name: str, affect: str, agent: str, version: str, *, rest: bool = False, stream: bool = False, text: str = "") -> Ask:
    """A message to an agent that answers with a message, a task or a document, in the words of the official client."""
    text, context = text or TURNS[affect], f"ctx-{name}"
    is_old = version == "0.3"
    if rest and is_old:
        message = {"messageId": f"m-{name}", "contextId": context, "role": "ROLE_USER", "content": [{"text": text}]}
        params = {"message": message, "configuration": {"blocking": True}}
    elif is_old:
        message = {"kind": "message", "messageId": f"m-{name}", "role": "user", "parts": [{"kind": "text", "text": text}], "contextId": context}
        params = {"message": message, "configuration": {"blocking": True, "acceptedOutputModes": []}}
    else:
        parts = [{"text": text, "mediaType": "text/plain"}]
        params = {"message": {"messageId": f"m-{name}", "contextId": context, "role": "ROLE_USER", "parts": parts}, "configuration": {}}
    accept = "text/event-stream" if stream else "application/json"
    headers = [("Accept", accept), ("A2A-Version", version)]
    if rest:
        path = f"/rest/{agent}{'/v1' if is_old else ''}/message:{'stream' if stream else 'send'}"
        return Ask(name, params, affect, path=path, headers=headers, expect=201 if is_old and not stream else 200)
    method = {"0.3": ("message/send", "message/stream"), "1.0": ("SendMessage", "SendStreamingMessage")}[version][stream]
    body = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    return Ask(name, body, affect, path=f"/a2a/{agent}", headers=headers)


A2A_SDK, A2A_SDK_STREAM = (
    [
        a2a("calm", "calm", "message", "1.0", stream=stream),
        a2a("mildly-annoyed-task", "mildly-annoyed", "task", "1.0", stream=stream),
        a2a("furious", "furious", "message", "1.0", stream=stream),
        a2a("furious-0.3", "furious", "message", "0.3", stream=stream),
        a2a("furious-task-0.3", "furious", "task", "0.3", stream=stream),
        a2a("furious-rest", "furious", "message", "1.0", rest=True, stream=stream),
        a2a("furious-task-rest-0.3", "furious", "task", "0.3", rest=True, stream=stream),
        a2a("furious-document", "furious", "document", "1.0", stream=stream),
        a2a("bot-gushes-at-calm", "calm", "message", "1.0", stream=stream, text="How do I change the address?"),
    ]
    for stream in (False, True)
)


def activity(name: str, affect: str, text: str, /, **more) -> Ask:
    conversation = {"id": f"conversation-{name}"}
    body = {
        "type": "message", "id": "act-1", "channelId": "directline", "from": {"id": "user-1"}, "text": text,
        "deliveryMode": "expectReplies", "conversation": conversation, "serviceUrl": "http://127.0.0.1:9/", "recipient": {"id": "shop"},
    }
    return Ask(name, body | more, affect, path="/api/messages")


AGENTS_HOSTING = [
    *[activity(affect, affect, TURNS[affect]) for affect in ("calm", "mildly-annoyed", "furious", "worried")],
    activity("bot-gushes-at-calm", "calm", "How do I change the address?"),
    activity("mentioned", "furious", "<at>Shop</at> I'm furious, where is order 1042?"),
    activity("event", "none", "", type="event", name="opened"),
]


def said(role: str, text: str) -> dict:
    """A message, as LangServe's client prints it."""
    message = {"content": text, "additional_kwargs": {}, "response_metadata": {}, "name": None, "id": None}
    if role == "user":
        return message | {"type": "human"}
    return message | {"type": "ai", "tool_calls": [], "invalid_tool_calls": [], "usage_metadata": None}


def runnable(name: str, affect: str, chain: str, method: str, given: object = None) -> Ask:
    config = {"tags": [], "metadata": {}, "recursion_limit": 25, "configurable": {}}
    body = {"input": given or TURNS[affect], "config": config, "kwargs": {}}
    accept = "text/event-stream" if method == "stream" else "*/*"
    return Ask(name, body, affect, path=f"/{chain}/{method}", headers=[("Accept", accept)])


def runnables(method: str) -> list[Ask]:
    history = [said(*turn) for turn in MODEL_TURNS["history"][1]]
    asked = {"input": history[-1]["content"], "chat_history": history[:-1]}
    return [
        *[runnable(affect, affect, "shop", method) for affect in ("calm", "mildly-annoyed", "furious")],
        runnable("bot-gushes-at-calm", "calm", "gusher", method, "How do I change the address?"),
        runnable("message", "furious", "model", method),
        runnable("messages", "furious", "model", method, history),
        runnable("history-and-documents", "furious", "chain", method, asked),
        runnable("tool-call", "mildly-annoyed", "tools", method, "I'm so annoyed, where is order 1042?"),
    ]


LANGSERVE, LANGSERVE_STREAM = runnables("invoke"), runnables("stream")


def run(name: str, affect: str, *texts: str) -> Ask:
    turns = enumerate(dialogue(*texts or (TURNS[affect],)))
    messages = [{"id": f"m-{at}", "role": role, "content": text} for at, (role, text) in turns]
    body = {
        "threadId": f"thread-{name}", "runId": "run-1", "protocolVersion": "1.0", "state": {}, "messages": messages,
        "tools": [], "context": [], "forwardedProps": {},
    }
    return Ask(name, body, affect, path="/", headers=[("Accept", "text/event-stream")])


AIMOCK_AG_UI_STREAM = [
    *[run(affect, affect) for affect in ("calm", "mildly-annoyed", "furious")],
    run("bot-gushes-at-calm", "calm", "How do I change the address?"),
    run("history", "furious", *(text for _, text in MODEL_TURNS["history"][1])),
    run("reasoning", "furious", "Charged TWICE, are you kidding me?! think it through"),
    run("text-with-tool-calls", "frustrated", TWO_PARCELS),
    run("tool-call-only", "mildly-annoyed", "I'm so annoyed, where is order 1042?"),
    run("chunk", "furious", "This is a disgrace! In one chunk, please."),
]


# As `rasa shell` asks, which always wants a stream.
RASA_TURNS = {
    "calm": ("calm", TURNS["calm"]),
    "furious": ("furious", TURNS["furious"]),
    "bot-gushes-at-calm": ("calm", "How do I change the address?"),
    "two-messages": ("frustrated", TWO_PARCELS),
    "buttons": ("mildly-annoyed", "Wrong size, again. How do I return it this time?"),
    "image-first": ("worried", TURNS["worried"]),
    "custom-only": ("furious", "Your map never loads! Show me where the courier is, RIGHT NOW!!"),
    "empty": ("furious", "Are you even listening?! I have told you FOUR times!"),
}


def rasa(name: str, affect: str, text: str, query: str) -> Ask:
    body = {"sender": f"s-{name}", "message": text}
    return Ask(name, body, affect, path="/webhooks/rest/webhook" + query, headers=[("Accept", "*/*")])


RASA = [
    *[rasa(name, *turn, "") for name, turn in RASA_TURNS.items()],
    rasa("unicode", "worried", "I'm afraid the café is already closed. Is it?", ""),
]
RASA_STREAM = [
    *[rasa(name, *turn, "?stream=true&token=") for name, turn in RASA_TURNS.items()],
    rasa("slow", "mildly-annoyed", TURNS["mildly-annoyed"], "?stream=true&token="),
]
