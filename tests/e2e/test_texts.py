"""Of a reply that has several texts official clients have the sentence of a rule behind the last, and nothing else is new to them.

Nothing is said where the reply ends with a tool's call."""

import json
import time
import uuid

import harness
import pytest
import replay
import test_anthropic_client as messages
import test_node_clients as scripts
import test_rules as rules
from harness import curl, inserted
from test_node_clients import aimock, bots, client, node  # noqa: F401 - fixtures
from test_rules import AT_THE_END, AT_THE_START, BEHIND, SAID, behind, event, line, settings  # noqa: F401 - fixtures

FIRST, SECOND = "Let me look that up.", "It left on Monday."
PAUSE = 0.02


# What the bot says


def blocks(*content: list[dict], stop_reason: str = "end_turn") -> list[bytes]:
    """A message of Anthropic's as a stream of its blocks."""
    told = {"id": "msg_1", "type": "message", "role": "assistant", "model": "shop", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    parts = [{"type": "message_start", "message": told}, {"type": "ping"}]
    for index, (start, *deltas) in enumerate(content):
        parts.append({"type": "content_block_start", "index": index, "content_block": start})
        parts += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        parts.append({"type": "content_block_stop", "index": index})
    end = {"type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": None}, "usage": {"output_tokens": 9}}
    return [event(part, named=True) for part in [*parts, end, {"type": "message_stop"}]]


def block(*words: str) -> list[dict]:
    return [{"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in words)]


def whole(*content: dict, stop_reason: str = "end_turn") -> dict:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "shop", "content": content, "stop_reason": stop_reason,
            "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 9}}


def part(of: str, *words: str) -> list[dict]:
    deltas = ({"type": "text-delta", "id": of, "delta": piece} for piece in words)
    return [{"type": "text-start", "id": of}, *deltas, {"type": "text-end", "id": of}]


def parts(*of: list[dict], finish: str = "stop") -> list[bytes]:
    """A message of the AI SDK as a stream of its parts."""
    start = [{"type": "start", "messageId": "m1"}, {"type": "start-step"}]
    end = [{"type": "finish-step"}, {"type": "finish", "finishReason": finish}]
    return [*map(event, [*start, *sum(of, []), *end]), b"data: [DONE]\n\n"]


def said(of: str, *words: str) -> list[dict]:
    deltas = ({"type": "TEXT_MESSAGE_CONTENT", "messageId": of, "delta": piece} for piece in words)
    return [{"type": "TEXT_MESSAGE_START", "messageId": of, "role": "assistant"}, *deltas, {"type": "TEXT_MESSAGE_END", "messageId": of}]


def run(*of: list[dict]) -> list[bytes]:
    """A run of AG-UI."""
    return [*map(event, [{"type": "RUN_STARTED"} | rules.RUN, *sum(of, []), {"type": "RUN_FINISHED"} | rules.RUN])]


ONE, TWO = ("Let me look", " that up."), ("It left", " on", " Monday.")
QUERY = {"query": "parcel 4711"}
FOUND = {"type": "web_search_result", "title": "Parcel 4711", "url": "https://example.com/4711", "encrypted_content": "RXhhbXBsZQ==",
         "page_age": None}
CITATION = {"type": "web_search_result_location", "cited_text": "left on Monday", "url": FOUND["url"], "title": FOUND["title"],
            "encrypted_index": "RXhhbXBsZQ=="}
ASKS_THE_SERVER = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
IS_TOLD = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [FOUND]}
CALLS = {"type": "tool_use", "id": "toolu_1", "name": "track", "input": {}}
INPUT = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"query": ', '"parcel 4711"}')]
CITES = {"type": "citations_delta", "citation": CITATION}

TOOL = [{"type": "tool-input-start", "toolCallId": "call_1", "toolName": "track"},
        {"type": "tool-input-delta", "toolCallId": "call_1", "inputTextDelta": json.dumps(QUERY)},
        {"type": "tool-input-available", "toolCallId": "call_1", "toolName": "track", "input": QUERY}]
OUTPUT = [{"type": "tool-output-available", "toolCallId": "call_1", "output": {"note": "Monday"}}]
NEXT_STEP = [{"type": "finish-step"}, {"type": "start-step"}]

TOOL_CALL = [{"type": "TOOL_CALL_START", "toolCallId": "call_1", "toolCallName": "track", "parentMessageId": "m1"},
             {"type": "TOOL_CALL_ARGS", "toolCallId": "call_1", "delta": json.dumps(QUERY)},
             {"type": "TOOL_CALL_END", "toolCallId": "call_1"}]
RESULT = [{"type": "TOOL_CALL_RESULT", "messageId": "m2", "toolCallId": "call_1", "content": "Monday", "role": "tool"}]
CALLED = {"id": "call_1", "type": "function", "function": {"name": "track", "arguments": json.dumps(QUERY)}}
SNAPSHOT = [{"type": "MESSAGES_SNAPSHOT", "messages": [
    {"id": "u1", "role": "user", "content": "Hello!"},
    {"id": "m1", "role": "assistant", "content": FIRST, "toolCalls": [CALLED]},
    {"id": "m2", "role": "tool", "toolCallId": "call_1", "content": "Monday"},
    {"id": "m3", "role": "assistant", "content": SECOND}]}]

# Replies of these two texts, and replies that end with a tool's call.
STREAMS: dict[str, list[bytes]] = {
    "anthropic/a server's tool between": blocks(block(*ONE), [ASKS_THE_SERVER, *INPUT], [IS_TOLD], block(*TWO)),
    "anthropic/a server's tool between, and the last is cited": blocks(
        block(*ONE), [ASKS_THE_SERVER, *INPUT], [IS_TOLD], [{"type": "text", "text": "", "citations": []}, *block(*TWO)[1:], CITES]),
    "anthropic/one behind the other": blocks(block(*ONE), block(*TWO)),
    "vercel/a tool between": parts(part("0", *ONE), TOOL, OUTPUT, NEXT_STEP, part("1", *TWO)),
    "vercel/a tool between, and the same id": parts(part("0", *ONE), TOOL, OUTPUT, NEXT_STEP, part("0", *TWO)),
    "vercel/a step between": parts(part("0", *ONE), NEXT_STEP, part("1", *TWO)),
    "ag-ui/a tool between": run(said("m1", *ONE), TOOL_CALL, RESULT, said("m3", *TWO)),
    "ag-ui/a tool between, and all is told again": run(said("m1", *ONE), TOOL_CALL, RESULT, said("m3", *TWO), SNAPSHOT),
    "ag-ui/a tool between, and messages in chunks": run(
        *([{"type": "TEXT_MESSAGE_CHUNK", "messageId": "m1", "role": "assistant", "delta": piece}] for piece in ONE), TOOL_CALL, RESULT,
        *([{"type": "TEXT_MESSAGE_CHUNK", "messageId": "m3", "role": "assistant", "delta": piece}] for piece in TWO)),
    "rasa/two messages": [b"\n", *(line({"recipient_id": "ada", "text": text}) for text in (FIRST, SECOND))],
    "rasa/a picture between": [b"\n", *map(line, [
        {"recipient_id": "ada", "text": FIRST}, {"recipient_id": "ada", "image": "https://example.com/4711.png"},
        {"recipient_id": "ada", "text": SECOND}])],
}
CALLING: dict[str, list[bytes]] = {
    "anthropic/a call at the end": blocks(block(*ONE), [CALLS, *INPUT], stop_reason="tool_use"),
    "anthropic/a server's tool between, and a call at the end": blocks(
        block(*ONE), [ASKS_THE_SERVER, *INPUT], [IS_TOLD], block(*TWO), [CALLS, *INPUT], stop_reason="tool_use"),
    "vercel/a call at the end": parts(part("0", *ONE), TOOL, finish="tool-calls"),
    "vercel/a tool between, and a call at the end": parts(
        part("0", *ONE), TOOL, OUTPUT, NEXT_STEP, part("1", *TWO), [call | {"toolCallId": "call_2"} for call in TOOL], finish="tool-calls"),
    "ag-ui/a call at the end": run(said("m1", *ONE), TOOL_CALL),
}
WHOLE: dict[str, dict] = {
    "one behind the other": whole({"type": "text", "text": FIRST}, {"type": "text", "text": SECOND}),
    "a server's tool between": whole(
        {"type": "text", "text": FIRST}, ASKS_THE_SERVER | {"input": QUERY}, IS_TOLD,
        {"type": "text", "text": SECOND, "citations": [CITATION]}),
}
CALLING_WHOLE: dict[str, dict] = {
    "a call at the end": whole({"type": "text", "text": FIRST}, CALLS | {"input": QUERY}, stop_reason="tool_use"),
    "two texts, and a call at the end": whole(
        {"type": "text", "text": FIRST}, {"type": "text", "text": SECOND}, CALLS | {"input": QUERY}, stop_reason="tool_use"),
}


class Bot(replay.Quiet):
    """Answers with what `x-exchange` names: a stream comes an event at a time, or all at once."""

    def do_POST(self):
        self.read_body()
        name = self.headers["x-exchange"]
        reply = (WHOLE | CALLING_WHOLE).get(name)
        stream = [line(reply)] if reply else (STREAMS | CALLING)[name]
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json" if reply else "text/event-stream")
        if name.startswith("vercel/"):
            self.send_header("x-vercel-ai-ui-message-stream", "v1")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        at_once = self.headers["x-at-once"] == "true"
        for data in [b"".join(stream)] if at_once else stream:
            self.chunk(data)
            time.sleep(0 if at_once else PAUSE)
        self.wfile.write(b"0\r\n\r\n")


@pytest.fixture(scope="module")
def urls(settings):  # noqa: F811
    """The bot, without undertone and through it."""
    with replay.serving(Bot) as url, harness.undertone(url, config=settings(BEHIND)) as proxy:
        yield url, proxy.url


@pytest.fixture(params=["true", "false"], ids=["at-once", "in-events"])
def at_once(request) -> str:
    return request.param


@pytest.fixture(params=[AT_THE_START, AT_THE_END], ids=["start", "end"])
def turn(request) -> str:
    """What is said to it is known when the reply starts, or when it ends."""
    return request.param


def of(protocol: str, replies: dict[str, list[bytes]]):
    return pytest.mark.parametrize("name", [name for name in replies if name.startswith(f"{protocol}/")])


# Anthropic


def asked(name: str, turn: str, at_once: str = "true") -> dict:
    return {**harness.chat("shop", turn), "max_tokens": 99, "extra_headers": {"x-exchange": name, "x-at-once": at_once}}


def texts(message) -> list[str]:
    return [block.text for block in message.content if block.type == "text"]


def streamed(url: str, name: str, turn: str, at_once: str):
    """The types of the events, the text that was shown, and the message that is put together."""
    with rules.anthropic_client(url).messages.stream(**asked(name, turn, at_once)) as stream:
        events = list(stream)
        shown = "".join(event.text for event in events if event.type == "text")
        return [event.type for event in events], shown, stream.get_final_message()


@of("anthropic", STREAMS)
def test_anthropic_has_the_sentence_behind_the_last_block_of_a_stream(urls, name, turn, at_once):
    (direct_types, _, direct), (types, shown, through) = (streamed(url, name, turn, at_once) for url in urls)
    assert texts(direct) == [FIRST, SECOND]
    assert texts(through) == [FIRST, behind(SECOND)]
    assert shown == messages.text(through)
    assert inserted(direct_types, types) in ([], ["content_block_delta", "text"])
    rules.is_only_behind([direct.model_dump_json()], [through.model_dump_json()])


@of("anthropic", CALLING)
def test_anthropic_has_nothing_behind_a_stream_that_ends_with_a_call(urls, name, turn, at_once):
    direct, through = (streamed(url, name, turn, at_once) for url in urls)
    assert through == direct
    assert through[2].stop_reason == "tool_use" and through[2].content[-1].input == QUERY


@pytest.mark.parametrize("name", WHOLE)
def test_anthropic_has_the_sentence_behind_the_last_block_of_a_message(urls, name, turn):
    direct, through = (rules.anthropic_client(url).messages.create(**asked(name, turn)) for url in urls)
    assert texts(direct) == [FIRST, SECOND]
    assert texts(through) == [FIRST, behind(SECOND)]
    rules.is_only_behind([direct.model_dump_json()], [through.model_dump_json()])


@pytest.mark.parametrize("name", CALLING_WHOLE)
def test_anthropic_has_nothing_behind_a_message_that_ends_with_a_call(urls, name, turn):
    direct, through = (rules.anthropic_client(url).messages.create(**asked(name, turn)) for url in urls)
    assert through == direct


# In JavaScript


@pytest.fixture
def play(client, urls):  # noqa: F811
    """What a client in JavaScript makes of a reply: the bot's own, and through undertone."""

    def play(name: str, turn: str, at_once: str) -> tuple[dict, dict]:
        job = {"headers": {"x-exchange": name, "x-at-once": at_once}, "turn": turn}
        of, more = {
            "anthropic": ("anthropic", {"stream": True}),
            "vercel": ("vercel", {"path": "/api/chat", "stream": "message"}),
            "ag-ui": ("ag_ui", {"path": "/agent", "messages": [{"id": "u1", "role": "user", "content": turn}]}),
        }[name.partition("/")[0]]
        direct, through = (client(of).play(url, **job, **more) for url in urls)
        return direct, through

    return play


PIECES = (*rules.PIECES, ["content_block_delta text_delta"])


def is_behind_the_last(direct: dict, through: dict, first: str, last: str) -> None:
    """Whether the sentence came behind the last text, as one more piece at most, and all else is as it was."""
    assert direct["error"] is None
    for key in ("text", "shown"):
        assert direct[key] == first + last
        assert through[key] == first + behind(last)
    assert inserted(direct["events"], through["events"]) in PIECES
    # The parts or messages and their kinds are among the rest.
    assert rules.without_events(through) == rules.without_events(direct)


@of("anthropic", STREAMS)
def test_anthropics_reader_in_javascript_has_the_sentence_behind_the_last_block(play, name, turn, at_once):
    is_behind_the_last(*play(name, turn, at_once), FIRST, SECOND)


@of("vercel", STREAMS)
def test_the_ai_sdk_has_the_sentence_behind_the_last_part(play, name, turn, at_once):
    direct, through = play(name, turn, at_once)
    is_behind_the_last(direct, through, FIRST, SECOND)
    assert through["other"].count("text") == 2
    assert len(through["tools"]) == name.count("tool")


@of("ag-ui", STREAMS)
def test_ag_ui_has_the_sentence_behind_the_last_message(play, name, turn, at_once):
    direct, through = play(name, turn, at_once)
    is_behind_the_last(direct, through, FIRST, SECOND)
    assert through["other"] == ["assistant", "tool", "assistant"]
    assert len(through["tools"]) == 1


@pytest.mark.parametrize("name", CALLING)
def test_readers_in_javascript_have_nothing_behind_a_stream_that_ends_with_a_call(play, name, turn, at_once):
    direct, through = play(name, turn, at_once)
    assert through == direct
    assert through["error"] is None and through["tools"] and SAID not in through["text"]


@pytest.mark.parametrize("known", ["What does order 1042 say?", "Is the address right?"], ids=["start", "end"])
def test_what_the_ai_sdk_streams_of_two_steps_has_the_sentence_behind_the_last(client, bots, settings, known):  # noqa: F811
    case, job = scripts.AI_SDK[0], {"turn": f"{known} Look both parcels up!"}
    with harness.undertone(bots, config=settings(BEHIND)) as proxy:
        direct, through = (client(case.client).play(url, **case.job, **job) for url in (bots, proxy.url))
    assert len(direct["tools"]) == 2
    is_behind_the_last(direct, through, "Both parcels have numbers, so this is quick.", "One is at the depot, the other is on its way.")


# Rasa


@of("rasa", STREAMS)
def test_rasa_has_the_sentence_in_a_message_of_its_own_at_the_end(urls, name, turn, at_once):
    # A rule says the same once in a conversation.
    request, fields = {"sender": uuid.uuid4().hex, "message": turn}, ("-H", f"x-exchange: {name}", "-H", f"x-at-once: {at_once}")
    direct, through = (curl(f"{url}/webhooks/rest/webhook?stream=true", request, *fields, stream=True) for url in urls)
    assert direct.body == b"".join(STREAMS[name])
    own = through.body.removeprefix(direct.body)
    assert len(own) == len(through.body) - len(direct.body), f"the bot's messages have changed: {through.body!r}"
    assert own.endswith(b"\n") and json.loads(own) == {"recipient_id": request["sender"], "text": SAID}
