"""What rules, the late reply and headers for the bot come to where official clients read the reply.

A rule puts one sentence behind a reply, and all else is as without it; a bot that is silent for too long has a sentence said in
its place; what the bot is told it can believe; and the rules of examples/rules tell their stories from end to end."""

import http.client
import itertools
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

import anthropic
import fixtures
import harness
import ollama
import openai
import pytest
import replay
import test_anthropic_client as messages
import test_gemini_client as gemini
import test_node_clients as scripts
import test_ollama_client as llama
import test_openai_client as completions
from google import genai
from harness import CALM, CONFIG, FURIOUS, ROOT, acknowledged, chat, curl, inserted
from test_node_clients import client, node  # noqa: F401 - fixtures

# Said behind every reply to two turns. To the first of them a stream learns it at its start, to the second at its end.
SAID = "Is there anything else?"
AT_THE_START, AT_THE_END = CALM, fixtures.CALM
BEHIND = f"""
[[rule]]
name = "known-at-the-start"
layer = "procedural"
when = 'turn.text.contains("1042")'
place = "end"
say = "{SAID}"

[[rule]]
name = "known-at-the-end"
layer = "procedural"
when = 'turn.text.contains("address") && reply.words > 0'
place = "end"
say = "{SAID}"
"""

# Said of a bot that is silent for longer than that, as the one here is after the first of two more turns.
AFTER, PAUSE = 0.3, 1.0
LATE, THEN = "Let me look that up.", "Okay, here's what I found."
SLOWLY, SOON = "Where is my parcel?", "Is my parcel there soon?"
TAKES_TIME = f"""
[late]
after_ms = {AFTER * 1000:.0f}
say = "{LATE}"
then = "{THEN}"
"""


# Bots


def event(part: dict, *, named: bool = False) -> bytes:
    name = f"event: {part['type']}\n" if named else ""
    return f"{name}data: {json.dumps(part)}\n\n".encode()


def line(part: dict) -> bytes:
    return json.dumps(part).encode() + b"\n"


def chunk(delta: dict, finish_reason: str | None = None) -> dict:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "shop", "choices": [choice]}


def part(*parts: dict, **candidate) -> dict:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **candidate}]}


def spoken(content: str, **message) -> dict:
    return {"model": "shop", "message": {"role": "assistant", "content": content, **message}, "done": False}


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "track", "arguments": '{"order": 4711}'}}
RUN = {"threadId": "t", "runId": "r"}
MESSAGE = [{"type": "TEXT_MESSAGE_START", "messageId": "m1", "role": "assistant"},
           {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m1", "delta": "It left on Monday."},
           {"type": "TEXT_MESSAGE_END", "messageId": "m1"}]
TEXT = [{"type": "text-start", "id": "0"}, {"type": "text-delta", "id": "0", "delta": "It left on Monday."},
        {"type": "text-end", "id": "0"}]
FINISH = [{"type": "finish-step"}, {"type": "finish", "finishReason": "stop"}]

# Streams that are not among the exchanges of tests/protocols; the bot is silent at None.
STREAMS: dict[str, list[bytes | None]] = {
    "openai/the last words come with a tool call": [*map(event, [
        chunk({"role": "assistant", "content": "It left on Monday."}), chunk({"content": " I look it up.", "tool_calls": [CALL]}),
        chunk({}, "tool_calls")]), b"data: [DONE]\n\n"],
    "openai/all words come with the role": [*map(event, [
        chunk({"role": "assistant", "content": "It left on Monday."}), chunk({}, "stop")]), b"data: [DONE]\n\n"],
    "openai/silent before anything": [None, *map(event, [
        chunk({"role": "assistant", "content": ""}), chunk({"content": "It left on Monday."}), chunk({}, "stop")]), b"data: [DONE]\n\n"],
    "openai/silent within a tool call": [
        *map(event, [chunk({"role": "assistant", "content": None}), chunk({"tool_calls": [CALL]})]), None,
        *map(event, [chunk({"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}), chunk({}, "tool_calls")]), b"data: [DONE]\n\n"],
    "gemini/the last words come with a function call": [*map(event, [
        part({"text": "It left on Monday."}),
        part({"text": " I look it up."}, {"functionCall": {"name": "track", "args": {"order": 4711}}}, finishReason="STOP")])],
    "gemini/the last event has no blank line": [
        event(part({"text": "It left"})), event(part({"text": " on Monday."}, finishReason="STOP")).removesuffix(b"\n\n")],
    "ag-ui/silent within a tool call in chunks": [
        event({"type": "RUN_STARTED"} | RUN),
        event({"type": "TOOL_CALL_CHUNK", "toolCallId": "call_1", "toolCallName": "track", "delta": '{"order":'}), None,
        *map(event, [{"type": "TOOL_CALL_CHUNK", "toolCallId": "call_1", "delta": " 4711}"}, *MESSAGE, {"type": "RUN_FINISHED"} | RUN])],
    "vercel/silent in a text that has begun": [
        *map(event, [{"type": "start", "messageId": "m1"}, {"type": "start-step"}, TEXT[0]]), None, *map(event, [*TEXT[1:], *FINISH])],
}


class Bot(fixtures.Fixtures):
    """Answers with an exchange of tests/protocols or with a stream of the above. After some turns it is silent before its
    first words, and before the event that announces them where there is one."""

    ANNOUNCED = ["⟦".encode(), b'"TEXT_MESSAGE_START"', b'"text-start"']

    def do_POST(self):
        stream = STREAMS.get(self.headers["x-exchange"])
        if stream is None:
            super().do_POST()
            return
        self.read_body()
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.left = stream.index(None) if None in stream else len(stream)
        for data in filter(None, stream):
            self.chunk(data)
        self.wfile.write(b"0\r\n\r\n")

    def read_body(self) -> bytes:
        body = super().read_body()
        self.pause = PAUSE if SLOWLY.encode() in body else AFTER / 2 if SOON.encode() in body else 0
        return body

    def answer(self, of: fixtures.Exchange) -> None:
        if of.chunks:
            told = of.reply.bytes(of.reply.body, crlf=of.crlf)
            start = min((at for mark in self.ANNOUNCED if (at := told.find(mark)) >= 0), default=len(told))
            self.left = sum(end <= start for end in itertools.accumulate(map(len, of.chunks)))
        super().answer(of)

    def chunk(self, data: bytes) -> None:
        if self.left == 0:
            time.sleep(self.pause)
        self.left -= 1
        super().chunk(data)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Writes the settings the tests run with, and more: before their first table, and behind the last."""

    def write(*behind: str, before: str = ""):
        path = tmp_path_factory.mktemp("rules") / "undertone.toml"
        path.write_text("\n".join([before, CONFIG.read_text(encoding="utf-8"), *behind]), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def urls(settings):
    """The bot, without undertone and through it."""
    with replay.serving(Bot) as url, harness.undertone(url, config=settings(BEHIND, TAKES_TIME)) as proxy:
        yield url, proxy.url


@pytest.fixture(scope="module")
def play(client, urls):  # noqa: F811
    """What a client in JavaScript makes of the replies to two turns: the bot's own, and through undertone."""

    def job(name: str, turn: str) -> tuple[scripts.Case, dict]:
        if name not in STREAMS:
            return scripts.exchange(name, turn)
        headers = {"x-exchange": name}
        if name.startswith("ag-ui/"):
            messages = [{"id": "u1", "role": "user", "content": turn}]
            return scripts.Case("ag_ui", ""), {"path": "/agent", "headers": headers, "messages": messages}
        return scripts.Case("vercel", ""), {"path": "/api/chat", "headers": headers, "stream": "message", "turn": turn}

    def play(name: str, direct: str, through: str) -> Iterator[dict]:
        for url, turn in zip(urls, (direct, through), strict=True):
            case, more = job(name, turn)
            yield client(case.client).play(url, **case.job, **more)

    return play


# The sentence behind a reply


def with_both_rules(names: list[str]):
    """Every exchange with the rule that is known at the end, and the first one with the other rule as well."""
    cases = [(names[0], AT_THE_START), *((name, AT_THE_END) for name in names)]
    ids = [f"{name}-{'start' if turn is AT_THE_START else 'end'}" for name, turn in cases]
    return pytest.mark.parametrize("name, turn", cases, ids=ids)


def behind(words: str) -> str:
    """The bot's words with the sentence behind them."""
    return f"{words}{'' if words[-1:].isspace() else ' '}{SAID}"


def blanked(value: object) -> object:
    """The JSON without the words in it."""
    if isinstance(value, list):
        return [blanked(item) for item in value]
    if isinstance(value, dict):
        # What pads a chunk of OpenAI's is another in each.
        members = ((k, v) for k, v in value.items() if v is not None and k != "obfuscation")
        return {k: "" if k in ("content", "text", "response") and isinstance(v, str) else blanked(v) for k, v in members}
    return value


# Where the turn goes on with a call, nothing stands behind the words.
GOES_ON = {
    "openai/the last words come with a tool call", "gemini/the last words come with a function call",
    "anthropic/words in a stream before a tool call are a reply, and words after it stay",
    "anthropic/words before a tool call are a reply", "openai-chat/words before a tool call are a reply",
    "ollama/words before a tool call are a reply",
}


def behind_unless_it_goes_on(name: str, words: str) -> str:
    return words if name in GOES_ON else behind(words)


def is_only_behind(direct: list[str], through: list[str]) -> None:
    """Whether the sentence came into one piece of a reply, or into one more that is like one of the bot's, and nothing else did."""
    added = inserted("\n".join(direct).encode(), "\n".join(through).encode())
    assert added.count(SAID.encode()) == 1
    assert len(through) - len(direct) in (0, 1)
    like = [blanked(json.loads(piece)) for piece in direct]
    assert [piece for piece in map(blanked, map(json.loads, through)) if piece not in like] == []


@cache
def openai_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="not-a-key", max_retries=0, timeout=60)


def openai_names(cell: str, *, stream: bool) -> list[str]:
    """The exchanges that this client asks for and takes without an error."""
    fails = ("an error after the text leaves what was said", "an event that cannot be read leaves what was said before it")
    names = fixtures.names(cell, "openai-chat", stream=stream)
    return [name for name in names if fixtures.exchange(name).path == "/v1/chat/completions" and not name.endswith(fails)]


def openai_request(name: str, turn: str) -> dict:
    request = chat("shop", turn) if name in STREAMS else fixtures.exchange(name).asked(turn)
    return {key: value for key, value in request.items() if key != "stream"} | {"extra_headers": {"x-exchange": name}}


def openai_texts(replies: list) -> dict[int, str]:
    """The text of each choice, without what the model thought aloud."""
    texts: dict[int, str] = {}
    for choice in itertools.chain.from_iterable(reply.choices for reply in replies):
        content = (choice.message if hasattr(choice, "message") else choice.delta).content or ""
        if isinstance(content, list):
            content = "".join(part["text"] for part in content if part["type"] == "text")
        texts[choice.index] = texts.get(choice.index, "") + content
    return texts


def put_together(url: str, name: str, turn: str):
    """What the stream helper makes of a stream: the text that was shown, and the completion."""
    with openai_client(url).chat.completions.stream(**openai_request(name, turn)) as stream:
        shown = "".join(event.delta for event in stream if event.type == "content.delta")
        return shown, stream.get_final_completion()


PLAIN, STREAMED = openai_names("plain", stream=False), openai_names("streamed", stream=True)
SEVERAL = ["openai-chat/every choice that the client asked for gets it",
           "openai-chat/the chunks of two choices interleave, and both choices get it"]
TOLD_AGAIN = "openai-chat/a last chunk that tells the whole text again agrees with the deltas"
# The helper takes each index for a choice of its own, and content for a text; and it joins roles that come again.
UNTOLD = [*SEVERAL, TOLD_AGAIN, "openai-chat/a server that raises the index with every token gets one sentence",
          "openai-chat/thoughts in lists of parts come before the text"]


@with_both_rules([name for name in PLAIN if name not in SEVERAL])
def test_openai_has_the_sentence_behind_a_completion(urls, name, turn):
    direct, through = ([completions.whole(openai_client(url), **openai_request(name, turn))[0]] for url in urls)
    if name in GOES_ON:
        assert through == direct
        return
    is_only_behind(*([json.dumps(reply.to_dict(warnings=False)) for reply in replies] for replies in (direct, through)))
    assert openai_texts(through) == openai_texts(direct) | {0: behind(openai_texts(direct)[0])}


@with_both_rules([name for name in STREAMED if name not in (*SEVERAL, TOLD_AGAIN)])
def test_openai_has_the_sentence_behind_a_stream(urls, name, turn):
    direct, through = (completions.streamed(openai_client(url), **openai_request(name, turn))[0] for url in urls)
    is_only_behind(*([json.dumps(chunk.to_dict(warnings=False)) for chunk in chunks] for chunks in (direct, through)))
    assert "".join(openai_texts(through).values()) == behind("".join(openai_texts(direct).values()))


def test_openai_has_the_sentence_behind_the_text_that_is_told_again(urls):
    chunks = [completions.streamed(openai_client(url), **openai_request(TOLD_AGAIN, AT_THE_END))[0] for url in urls]
    direct, through = ([chunk.to_dict()["choices"][0] for chunk in told] for told in chunks)
    words = ["".join(choice["delta"]["content"] for choice in choices[:-1]) for choices in (direct, through)]
    assert words[1] == behind(words[0])
    assert through[-1] == blanked(direct[-1]) | {"message": direct[-1]["message"] | {"content": words[1]}}


@pytest.mark.parametrize("name", SEVERAL)
def test_openai_has_the_sentence_behind_each_choice(urls, name):
    ask = completions.streamed if fixtures.exchange(name).chunks else completions.whole
    replies = [ask(openai_client(url), **openai_request(name, AT_THE_END))[0] for url in urls]
    direct, through = (openai_texts(reply if isinstance(reply, list) else [reply]) for reply in replies)
    assert through == {index: behind(text) for index, text in direct.items()}


@with_both_rules([*(name for name in STREAMED if name not in UNTOLD), "openai/the last words come with a tool call",
                  "openai/all words come with the role"])
def test_openais_stream_helper_puts_the_sentence_behind_the_reply(urls, name, turn):
    (direct_shown, direct), (shown, through) = (put_together(url, name, turn) for url in urls)
    assert shown == through.choices[0].message.content == behind_unless_it_goes_on(name, direct_shown)
    assert blanked(through.to_dict()) == blanked(direct.to_dict())


@pytest.mark.parametrize("name", fixtures.names("left-alone", "openai-chat", settled="tool-call"))
def test_openai_has_nothing_behind_tool_calls_alone(urls, name):
    ask = completions.streamed if fixtures.exchange(name).chunks else completions.whole
    (direct, _), (through, _) = (ask(openai_client(url), **openai_request(name, AT_THE_END)) for url in urls)
    assert through == direct


@with_both_rules([name for name in messages.PLAIN if name != messages.SHOP])
def test_anthropic_has_the_sentence_behind_a_message(urls, name, turn):
    (direct, _), (through, _) = (messages.whole(url, name, turn) for url in urls)
    if name in GOES_ON:
        assert through == direct
        return
    is_only_behind([direct.model_dump_json()], [through.model_dump_json()])
    assert messages.text(through) == behind(messages.text(direct))


@with_both_rules([name for name in messages.STREAMED if name != messages.SHOP])
def test_anthropic_has_the_sentence_behind_a_stream(urls, name, turn):
    (direct_types, direct_shown, direct), (types, shown, through) = (messages.streamed(url, name, turn) for url in urls)
    if name in GOES_ON:
        assert (types, shown, through) == (direct_types, direct_shown, direct)
        return
    assert inserted(direct_types, types) in ([], ["content_block_delta", "text"])
    is_only_behind([direct.model_dump_json()], [through.model_dump_json()])
    assert messages.text(through) == shown
    assert shown == behind(direct_shown)


@pytest.mark.parametrize("name", fixtures.names("left-alone", "anthropic", settled="tool-call"))
def test_anthropic_has_nothing_behind_tool_calls_alone(urls, name):
    ask = messages.streamed if fixtures.exchange(name).chunks else messages.whole
    direct, through = (next(answer for answer in ask(url, name, AT_THE_END) if hasattr(answer, "content")) for url in urls)
    assert through == direct


@with_both_rules([*llama.STREAMED, *llama.PLAIN])
def test_ollama_has_the_sentence_behind_a_reply(urls, name, turn):
    ask = llama.streamed if fixtures.exchange(name).chunks else llama.whole
    direct, through = (ask(url, name, turn) for url in urls)
    if name in GOES_ON:
        assert through == direct
        return
    is_only_behind(*([line.model_dump_json() for line in lines] for lines in (direct, through)))
    assert llama.text(through) == behind(llama.text(direct))


@pytest.mark.parametrize("name", fixtures.names("left-alone", "ollama", settled="tool-call"))
def test_ollama_has_nothing_behind_tool_calls_alone(urls, name):
    ask = llama.streamed if fixtures.exchange(name).chunks else llama.whole
    direct, through = (ask(url, name, AT_THE_END) for url in urls)
    assert through == direct


# One text of each kind: making this client takes longer than asking with it.
GEMINI = [name for name in [*gemini.STREAMED, *gemini.PLAIN[:2]] if name not in (gemini.SHOP, *gemini.TWO_CANDIDATES)]


@with_both_rules(GEMINI)
def test_gemini_has_the_sentence_behind_a_response(urls, name, turn):
    ask = gemini.streamed if fixtures.exchange(name).chunks else gemini.whole
    direct, through = (ask(url, name, turn) for url in urls)
    is_only_behind(*([part.model_dump_json(exclude={"sdk_http_response"}) for part in parts] for parts in (direct, through)))
    assert gemini.texts(through) == {0: behind(gemini.texts(direct)[0])}


@pytest.mark.parametrize("name", gemini.TWO_CANDIDATES)
def test_gemini_has_the_sentence_behind_each_candidate(urls, name):
    ask = gemini.streamed if fixtures.exchange(name).chunks else gemini.whole
    direct, through = (gemini.texts(ask(url, name, AT_THE_END)) for url in urls)
    assert through == {index: behind(text) for index, text in direct.items()}


@pytest.mark.parametrize("name", gemini.readable("left-alone", stream=True, settled="tool-call"))
def test_gemini_has_nothing_behind_function_calls_alone(urls, name):
    direct, through = (gemini.streamed(url, name, AT_THE_END) for url in urls)
    assert gemini.dumped(through) == gemini.dumped(direct)


@pytest.mark.parametrize("name", [name for name in STREAMS if name.startswith("gemini/")])
def test_gemini_calls_a_function_once_with_the_sentence_behind_the_words(urls, name):
    options = [genai.types.HttpOptions(base_url=url, headers={"x-exchange": name}, timeout=60_000) for url in urls]
    clients = [genai.Client(api_key="not-a-key", http_options=option) for option in options]
    direct, through = (list(asked.models.generate_content_stream(model="shop", contents=AT_THE_END)) for asked in clients)
    calls = [[call for response in responses for call in response.function_calls or []] for responses in (direct, through)]
    assert calls[1] == calls[0]
    assert gemini.texts(through) == {0: behind_unless_it_goes_on(name, gemini.texts(direct)[0])}


JAVASCRIPT = [name for name in fixtures.names("streamed", "vercel", "ag-ui") if fixtures.exchange(name).settled == "prepend"]
PIECES = ([], ["text-delta"], ["Text"], ["TEXT_MESSAGE_CONTENT"], ["TEXT_MESSAGE_CHUNK"])


def without_events(result: dict) -> dict:
    return scripts.rest(result) | {"events": []}


@with_both_rules(JAVASCRIPT)
def test_readers_in_javascript_have_the_sentence_behind_a_stream(play, name, turn):
    direct, through = play(name, turn, turn)
    assert direct["error"] is None and direct["text"]
    assert inserted(direct["events"], through["events"]) in PIECES
    assert without_events(through) == without_events(direct)
    # What is told in a snapshot alone is not shown as it comes.
    for key in ("text", "shown"):
        assert through[key] == (direct[key] and behind_unless_it_goes_on(name, direct[key]))


@pytest.mark.parametrize("name", fixtures.names("left-alone", "vercel", "ag-ui", settled="tool-call"))
def test_readers_in_javascript_have_nothing_behind_tool_calls_alone(play, name):
    direct, through = play(name, AT_THE_END, AT_THE_END)
    assert through == direct


def test_the_header_of_a_stream_tells_what_a_rule_is_to_do(urls):
    name = STREAMED[0]
    _, headers = completions.streamed(openai_client(urls[1]), **openai_request(name, AT_THE_START))
    said = harness.Said.read(headers["undertone"])
    assert said.action == "append" and said.planned


# The late reply


def answered(words: str) -> str:
    """What is said in the place of words that are late, and those words."""
    return f"{LATE}\n\n{THEN} {words}"


LATE_CHUNKS = "openai-chat/the sentence goes into the first delta that is not empty"


@pytest.mark.parametrize("name", [LATE_CHUNKS, "openai/silent before anything"])
def test_openais_stream_helper_is_told_that_a_reply_is_late(urls, name):
    (_, direct), (shown, through) = (put_together(url, name, turn) for url, turn in zip(urls, (SOON, SLOWLY), strict=True))
    assert shown == through.choices[0].message.content == answered(direct.choices[0].message.content)
    # The first chunk says when, by whom and in what the reply is: undertone does not know that before the bot does.
    of_the_first = {"id", "created", "model"} if name in STREAMS else set()
    assert blanked(through.model_dump(exclude=of_the_first)) == blanked(direct.model_dump(exclude=of_the_first))


def test_openais_tool_calls_arrive_whole_where_the_bot_is_silent_within_one(urls):
    name = "openai/silent within a tool call"
    direct, through = put_together(urls[0], name, SOON)[1], put_together(urls[1], name, SLOWLY)[1]
    assert through.choices[0].message.tool_calls == direct.choices[0].message.tool_calls != None  # noqa: E711
    assert through.choices[0].message.content.strip() == LATE and direct.choices[0].message.content is None


@pytest.mark.parametrize("name", ["ollama/the sentence goes into the first line that has content"])
def test_ollama_is_told_that_a_reply_is_late(urls, name):
    direct, through = llama.streamed(urls[0], name, SOON), llama.streamed(urls[1], name, SLOWLY)
    assert llama.text(through) == answered(llama.text(direct))
    assert len(through) == len(direct) + 1
    assert through[-1] == direct[-1] and not any(line.done for line in through[:-1])
    assert {line.model for line in through} == {line.model for line in direct}


@pytest.mark.parametrize("name", ["anthropic/thoughts in a stream come first and keep their words"])
def test_anthropics_stream_helper_is_told_that_a_reply_is_late(urls, name):
    (direct_types, direct_shown, direct), (types, shown, through) = (
        messages.streamed(url, name, turn) for url, turn in zip(urls, (SOON, SLOWLY), strict=True))
    assert inserted(direct_types, types) == ["content_block_delta", "text"]
    assert shown == messages.text(through) == answered(direct_shown)
    assert blanked(through.model_dump()) == blanked(direct.model_dump())


@pytest.mark.parametrize("name", [
    "ag-ui/the text comes after the events of reasoning, of state and of a tool",
    "vercel/the text comes after a thought and a tool's result",
    "vercel/silent in a text that has begun",
])
def test_readers_in_javascript_are_told_that_a_reply_is_late(play, name):
    direct, through = play(name, SOON, SLOWLY)
    assert through["error"] is None
    assert through["text"] == answered(direct["text"]) and through["shown"] == answered(direct["shown"])
    assert [through[key] for key in ("tools", "finish", "usage")] == [direct[key] for key in ("tools", "finish", "usage")]
    # At most a message or a part of its own; everything else as it came.
    own = {"text-start", "text-delta", "text-end", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"}
    assert len(through["events"]) - len(direct["events"]) in (1, 3)
    assert [kind for kind in through["events"] if kind not in own] == [kind for kind in direct["events"] if kind not in own]


def test_a_tools_call_is_not_parted_by_the_late_sentence(play):
    direct, through = play("ag-ui/silent within a tool call in chunks", SOON, SLOWLY)
    assert through["error"] is None and through["tools"] == direct["tools"] and LATE not in through["text"]


@pytest.mark.parametrize("name", ["rasa/one message a line, labelled as events"])
def test_rasa_is_told_that_a_reply_is_late_in_a_message_of_its_own(urls, name):
    of = fixtures.exchange(name)
    answer = curl(urls[1] + of.path, of.asked(SLOWLY) | {"sender": "ada"}, "-H", f"x-exchange: {name}", stream=True)
    assert [json.loads(said) for said in answer.body.splitlines()] == [
        {"recipient_id": "ada", "text": LATE},
        {"recipient_id": "u1", "text": f"{THEN} Your order left today."},
        {"recipient_id": "u1", "text": "It arrives on Friday."},
    ]


def test_a_late_reply_to_a_furious_turn_is_acknowledged_once(urls):
    direct, through = (put_together(url, LATE_CHUNKS, f"{FURIOUS} {turn}")[0] for url, turn in zip(urls, (SOON, SLOWLY), strict=True))
    said, _, answer = through.partition("\n\n")
    assert answer == f"{THEN} {direct}"
    assert acknowledged(LATE, said)


def test_what_is_said_of_a_late_reply_comes_while_the_bot_is_silent(urls):
    of, came = fixtures.exchange(LATE_CHUNKS), {}
    connection = http.client.HTTPConnection(urls[1].removeprefix("http://"), timeout=20)
    connection.request("POST", of.path, of.sent(SLOWLY), {"content-type": "application/json", "x-exchange": LATE_CHUNKS})
    sent, read = time.monotonic(), b""
    response = connection.getresponse()
    while piece := response.read1():
        read += piece
        for words in (LATE, THEN):
            if words.encode() in read:
                came.setdefault(words, time.monotonic() - sent)
    connection.close()
    assert AFTER * 0.9 < came[LATE] < PAUSE * 0.9 < came[THEN]


@pytest.mark.parametrize("name", [
    LATE_CHUNKS, "anthropic/thoughts in a stream come first and keep their words", "rasa/one message a line, labelled as events",
    "ollama/the sentence goes into the first line that has content", "ollama/the sentence goes before the content of the message"])
def test_of_a_bot_in_time_nothing_is_said(urls, name):
    of = fixtures.exchange(name)
    # A reply that comes whole is never too late.
    answer = curl(urls[1] + of.path, of.asked(SOON if of.chunks else SLOWLY), "-H", f"x-exchange: {name}", stream=True)
    assert answer.body == of.body


# Stories


@dataclass
class Answer:
    """What the shop says, what it tells beside that, and for how long it is silent before its first words."""

    text: str
    beside: dict = field(default_factory=dict)
    pause: float = 0


GUESSES = {"nlu": {"ranking": [{"label": "the return label"}, {"label": "the refund"}], "confidence": 0.35}}
PROFILE = {"role": "a nurse", "place": "a hospital", "goal": "plan shifts faster", "team": ""}
KNOWN = {"profile": PROFILE | {"team": "12"}, "ways": ["see a sample plan", "set up a trial"]}
STOCK = {"task": "the stock in Leeds"}

ANSWERS = {
    "Where is my box?": Answer("It is at the depot in Leeds and goes out tomorrow morning."),
    "Where is my box now?": Answer("It is on the van."),
    "How do I send it back?": Answer("Returns are free."),
    "?": Answer("You can return it within 30 days.", GUESSES),
    "The return label.": Answer("It is under Orders, then Return."),
    "What about the money for it?": Answer("I did not get that.", GUESSES),
    "I want to plan our shifts faster.": Answer("That can be done for teams of 5 to 200.", {"metadata": {"profile": PROFILE}}),
    "Yes, exactly.": Answer("Shifts are planned by the week.", {"metadata": {"profile": PROFILE}}),
    "We are 12.": Answer("For a team of 12 it is 40 euros a month.", {"metadata": KNOWN}),
    "A trial, please.": Answer("Your trial starts today.", {"metadata": KNOWN}),
    "Do you have it in Leeds?": Answer("One moment, please.", {"metadata": STOCK | {"task_seconds": 60}}),
    "Okay.": Answer("There are four left.", {"metadata": STOCK | {"task_done": True}}),
    "Do you have it in York?": Answer("There are two left.", pause=PAUSE),
}
FRIENDLY = {
    "Hi there!": Answer("Hello! How can I help?"),
    "Do you have the mug in blue?": Answer("Yes, there are twelve left."),
    "Nice, how big is it?": Answer("It holds 300 ml."),
    "Is it dishwasher safe?": Answer("It is."),
    "Great. What does it cost?": Answer("It costs 9 euros."),
    "I'll take two.": Answer("Two blue mugs are in your basket."),
    "Do you ship to Ireland?": Answer("We do, for 5 euros."),
    "When would they come?": Answer("They would come on Friday."),
    "Perfect, thanks a lot!": Answer("You are welcome."),
    "Have a nice day!": Answer("You, too."),
}


class Shop:
    """A bot that speaks several protocols and remembers the headers it was sent."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []

    def told(self) -> dict[str, str]:
        """What it was told last in undertone's name."""
        return {name.removeprefix("x-undertone-"): value for name, value in self.heard[-1].items() if name.startswith("x-undertone-")}

    def handler(shop):  # noqa: N805 - `self` is the request below
        class Handler(replay.Quiet):
            def do_POST(self):
                shop.heard.append({name.lower(): value for name, value in self.headers.items()})
                request = json.loads(self.read_body())
                turn = request.get("message") or request["messages"][-1]["content"]
                answer = (ANSWERS | FRIENDLY).get(turn, Answer("I can look up orders."))
                path, _, query = self.path.partition("?")
                kind, (first, *rest) = SPEAKS[path](answer, request, request.get("stream") or query == "stream=true")
                self.send_response_only(200)
                self.send_header("Content-Type", kind)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.chunk(first)
                time.sleep(answer.pause)
                for piece in rest:
                    self.chunk(piece)
                self.wfile.write(b"0\r\n\r\n")

            def do_GET(self):
                shop.heard.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response_only(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Handler


def in_words(text: str) -> list[str]:
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def completion(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    if not is_stream:
        choice = {"index": 0, "message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}
        return "application/json", [line(chunk({}) | {"object": "chat.completion", "choices": [choice]} | answer.beside)]
    words = [chunk({"content": word}) for word in in_words(answer.text)]
    chunks = [chunk({"role": "assistant", "content": ""}), *words, chunk({}, "stop") | answer.beside]
    return "text/event-stream", [*map(event, chunks), b"data: [DONE]\n\n"]


def message(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    told = {"id": "msg_1", "type": "message", "role": "assistant", "model": "shop", "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 9, "output_tokens": 9}}
    if not is_stream:
        return "application/json", [line(told | {"content": [{"type": "text", "text": answer.text}]} | answer.beside)]
    start = {"type": "message_start", "message": told | {"content": [], "stop_reason": None}} | answer.beside
    opened = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    words = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in in_words(answer.text)]
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 9}}
    rest = [*words, {"type": "content_block_stop", "index": 0}, end, {"type": "message_stop"}]
    return "text/event-stream", [event(start, named=True) + event(opened, named=True), *(event(part, named=True) for part in rest)]


def lines(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    if not is_stream:
        return "application/json", [line(spoken(answer.text) | {"done": True} | answer.beside)]
    words = [spoken(word) for word in ["", *in_words(answer.text)]]
    return "application/x-ndjson", [*map(line, words), line(spoken("") | {"done": True, "done_reason": "stop"} | answer.beside)]


def sent(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    said = {"recipient_id": request["sender"], "text": answer.text}
    # An empty line stands for the head of the reply, which Rasa sends before it thinks.
    return ("text/event-stream", [b"\n", line(said)]) if is_stream else ("application/json", [line([said])])


SPEAKS = {"/v1/chat/completions": completion, "/v1/messages": message, "/api/chat": lines, "/webhooks/rest/webhook": sent}


@pytest.fixture(scope="module")
def shop():
    """The shop and its address."""
    shop = Shop()
    with replay.serving(shop.handler()) as url:
        yield shop, url


@pytest.fixture(scope="module")
def shop_proxy(shop, settings):
    """undertone in front of it, with every rule of examples/rules and the late reply; and the shop is told what is heard."""
    rules = [str(path) for path in (ROOT / "examples" / "rules").glob("*.toml")]
    with harness.undertone(shop[1], config=settings(TAKES_TIME, before=f"rules = {json.dumps(rules)}\ntell_bot = true")) as server:
        yield server


@dataclass
class Talk:
    """A conversation through a client that sends the history along, as its user has read it."""

    ask: Callable[["Talk"], str]
    stream: bool
    url: str = ""
    metadata: dict = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    history: list[dict] = field(default_factory=list)

    def say(self, turn: str) -> str:
        self.history.append({"role": "user", "content": turn})
        reply = self.ask(self)
        self.history.append({"role": "assistant", "content": reply})
        return reply

    def request(self, **more) -> dict:
        return {"model": "shop", "messages": self.history, **({"metadata": self.metadata} if self.metadata else {}), **more}


def by_openai(talk: Talk) -> str:
    asked = openai_client(talk.url).chat.completions
    if not talk.stream:
        return asked.create(**talk.request()).choices[0].message.content
    with asked.stream(**talk.request()) as stream:
        return stream.get_final_completion().choices[0].message.content


@cache
def anthropic_client(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key="not-a-key", max_retries=0, timeout=60)


def by_anthropic(talk: Talk) -> str:
    asked = anthropic_client(talk.url).messages
    if not talk.stream:
        return messages.text(asked.create(**talk.request(max_tokens=99)))
    with asked.stream(**talk.request(max_tokens=99)) as stream:
        return stream.get_final_text()


def by_ollama(talk: Talk) -> str:
    replies = ollama.Client(host=talk.url, timeout=60).chat(**talk.request(stream=talk.stream))
    return llama.text(replies if talk.stream else [replies])


def by_rasa(talk: Talk) -> str:
    """Rasa has no history: it knows the conversation by its name."""
    asked = {"sender": talk.name, "message": talk.history[-1]["content"], "metadata": talk.metadata}
    body = curl(f"{talk.url}/webhooks/rest/webhook{'?stream=true' if talk.stream else ''}", asked, stream=talk.stream).body
    said = [json.loads(told) for told in body.split(b"\n") if told] if talk.stream else json.loads(body)
    return "\n\n".join(message["text"] for message in said)


@pytest.fixture
def talk(request, shop_proxy) -> Talk:
    return Talk(*request.param, shop_proxy.url)


def told_by(*asks: Callable[[Talk], str], whole: bool = True):
    """A story for each of these clients, with streams and with replies that come whole."""
    cases = [(ask, stream) for ask in asks for stream in (False, True)[not whole:]]
    ids = [f"{ask.__name__.removeprefix('by_')}-{'stream' if stream else 'plain'}" for ask, stream in cases]
    return pytest.mark.parametrize("talk", cases, indirect=True, ids=ids)


@told_by(by_openai, by_anthropic, by_rasa)
def test_a_box_that_is_late_is_said_to_be_once(talk):
    talk.metadata = {"order_due": "2024-11-23"}
    assert talk.say("Where is my box?") == (
        "I understand you're eager for your delivery: it was due on 23 November, so it's late. "
        "It is at the depot in Leeds and goes out tomorrow morning.")
    assert talk.say("Where is my box now?") == "It is on the van."


@told_by(by_openai, by_anthropic, by_rasa)
def test_a_box_that_is_not_due_is_not_said_to_be_late(talk):
    talk.metadata = {"order_due": "2999-11-23"}
    assert talk.say("Where is my box?") == "It is at the depot in Leeds and goes out tomorrow morning."


@told_by(by_openai, by_anthropic, by_ollama)
def test_who_did_not_understand_is_asked_which_of_two_is_meant(talk):
    assert talk.say("How do I send it back?") == "Returns are free."
    assert talk.say("?") == "You can return it within 30 days. Are you asking about the return label, or more about the refund?"
    assert talk.say("The return label.") == "It is under Orders, then Return."


@told_by(by_openai, by_anthropic, by_ollama)
def test_a_bot_that_did_not_understand_asks_which_of_two_is_meant(talk):
    assert talk.say("What about the money for it?") == (
        "I did not get that. Are you asking about the return label, or more about the refund?")


@told_by(by_openai, by_anthropic, by_ollama)
def test_what_three_slots_tell_is_summed_up_once(talk):
    assert talk.say("I want to plan our shifts faster.") == (
        "That can be done for teams of 5 to 200. "
        "So you're a nurse at a hospital, and you're looking to plan shifts faster. Is that right?")
    assert talk.say("Yes, exactly.") == "Shifts are planned by the week."


@told_by(by_openai, by_anthropic, by_ollama)
def test_once_all_is_known_there_are_two_ways_to_go_on(talk):
    assert talk.say("We are 12.") == (
        "For a team of 12 it is 40 euros a month. "
        "Since you're looking to plan shifts faster: would you rather see a sample plan, or set up a trial?")
    assert talk.say("A trial, please.") == "Your trial starts today."


@told_by(by_openai, by_ollama, by_rasa)
def test_a_friendly_conversation_of_ten_turns_is_the_bots_alone(talk):
    assert [talk.say(turn) for turn in FRIENDLY] == [answer.text for answer in FRIENDLY.values()]


@told_by(by_openai, by_anthropic, by_ollama)
def test_what_takes_a_while_is_said_when_it_begins_and_when_it_is_over(talk):
    assert talk.say("Do you have it in Leeds?") == "One moment, please. I'm checking the stock in Leeds. This should take about a minute."
    # A stream has begun before it tells that it is over.
    over = "" if talk.stream else "Okay, I've checked the stock in Leeds. "
    assert talk.say("Okay.") == f"{over}There are four left."


@told_by(by_openai, by_rasa, whole=False)
def test_a_bot_that_takes_its_time_has_that_said_once_and_then_answers(talk):
    assert talk.say("Do you have it in York?") == answered("There are two left.")
    assert talk.say("Nice, how big is it?") == "It holds 300 ml."


# What the bot is told


FORGED = {f"x-undertone-{name}": "forged" for name in ("weight", "emotion", "target", "signals")}


@pytest.mark.parametrize("ask", [completions.whole, completions.streamed], ids=["plain", "stream"])
def test_a_bot_is_told_what_a_turn_expresses_and_not_what_a_client_says(shop, shop_proxy, ask):
    _, headers = ask(openai_client(shop_proxy.url), **chat("shop", FURIOUS), extra_headers=FORGED)
    told, said = shop[0].told(), harness.Said.read(headers["undertone"])
    assert told.keys() == {"weight", "emotion", "target", "signals"}
    assert float(told["weight"]) == said.weight > 0.3 and told["emotion"] == said.rest["emotion"] != "none"
    assert told["signals"] == "negative"
    assert not [name for name in headers if name.startswith("x-undertone")], "that is for the bot"


def test_a_bot_is_told_of_a_calm_turn_as_well(shop, shop_proxy):
    completions.whole(openai_client(shop_proxy.url), **chat("shop", CALM), extra_headers=FORGED)
    told = shop[0].told()
    assert told.keys() == {"weight", "emotion", "target"}
    assert float(told["weight"]) < 0.3 and told["emotion"] == told["target"] == "none"


def test_a_bot_is_told_that_a_turn_repeats_another(shop, shop_proxy):
    talk = Talk(by_openai, False, shop_proxy.url)
    talk.say("Where is my box?")
    assert "signals" not in shop[0].told()
    talk.say("Where is my box?")
    assert shop[0].told()["signals"] == "repeats"


def test_nothing_forged_reaches_the_bot_with_what_is_no_turn(shop, shop_proxy):
    fields = [option for name, value in FORGED.items() for option in ("-H", f"{name}: {value}")]
    assert curl(f"{shop_proxy.url}/health", None, *fields).status == 200
    assert shop[0].told() == {}


def test_a_bot_is_told_nothing_unless_that_is_wanted(shop):
    with harness.undertone(shop[1]) as proxy:
        completions.whole(openai_client(proxy.url), **chat("shop", FURIOUS), extra_headers=FORGED)
    assert shop[0].told() == {}


# A bad file of rules


GOOD = """[[rule]]
name = "more"
layer = "procedural"
when = "turn.words > 1"
say = "Is there anything else?"
"""


@pytest.mark.parametrize("file, at, good, bad", [
    ("rules.toml", 2, '"more"', "more"),
    ("rules.toml", 3, "procedural", "behavioural"),
    ("rules.toml", 4, "turn.words", "trun.words"),
    ("rules.toml", 4, "> 1", ">"),
    ("rules.toml", 5, "anything", "{{ anything }}"),
    ("undertone.toml", 4, "turn.words", "trun.words"),
])
def test_a_bad_rule_is_an_error_that_names_file_and_line(tmp_path, file, at, good, bad):
    config = tmp_path / "undertone.toml"
    config.write_text('rules = ["rules.toml"]\n')
    (tmp_path / file).write_text(GOOD.replace(good, bad))
    ended = subprocess.run(
        [harness.UNDERTONE, "serve", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--config", config],
        capture_output=True, text=True, timeout=30, check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == "" and ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"undertone: {tmp_path / file}:{at}: ")
