"""What rules, the late reply and headers for the bot come to in front of official clients.

A rule puts one sentence behind a reply, and all else is as without it; a bot that is silent for too long has a sentence said
in its place; the rules of examples/rules tell their stories from end to end."""

import http.client
import itertools
import json
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

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
from harness import CALM, CONFIG, FURIOUS, ROOT, acknowledged, chat, curl, inserted
from test_node_clients import client, node  # noqa: F401 - fixtures

GALLERY = sorted(str(path) for path in (ROOT / "examples" / "rules").glob("*.toml"))

# The rule of the first turn needs no reply to speak, that of the second one does: streams learn what to say at the start, or
# at the end.
SAID = "Is there anything else?"
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
TURNS = pytest.mark.parametrize("turn", [CALM, fixtures.CALM], ids=["start", "end"])

AFTER, PAUSE = 0.3, 1.0
LATE, THEN = "Let me look that up.", "Okay, here's what I found."
TAKES_TIME = f"""
[late]
after_ms = {round(AFTER * 1000)}
say = "{LATE}"
then = "{THEN}"
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Writes the settings the tests run with, with more before their tables and behind them."""

    def write(*behind: str, before: str = ""):
        path = tmp_path_factory.mktemp("rules") / "undertone.toml"
        path.write_text("\n".join([before, CONFIG.read_text(encoding="utf-8"), *behind]), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def behind(exchanges, settings):
    """The exchanges of tests/protocols: as they are, and with a rule that speaks behind them."""
    with harness.undertone(exchanges, config=settings(BEHIND)) as server:
        yield exchanges, server.url


# The sentence behind a reply


def behind_it(words: str) -> str:
    """The bot's words with the sentence behind them."""
    return f"{words}{'' if words[-1:].isspace() else ' '}{SAID}"


def without_text(value: object) -> object:
    """The JSON with the words of a piece blanked."""
    if isinstance(value, list):
        return [without_text(item) for item in value]
    if isinstance(value, dict):
        return {k: "" if k in ("content", "text", "response") and isinstance(v, str) else without_text(v) for k, v in value.items()}
    return value


def is_only_behind(direct: list[str], through: list[str]) -> None:
    """Whether the sentence has come into a piece of the reply or into one more that is like one of them, and no more."""
    added = inserted("\n".join(direct).encode(), "\n".join(through).encode())
    assert added.count(SAID.encode()) == 1
    assert len(through) - len(direct) in (0, 1)
    for piece in inserted(direct, through) if len(through) > len(direct) else []:
        assert without_text(json.loads(piece)) in [without_text(json.loads(other)) for other in direct]


def openai_names(cell: str, *, stream: bool) -> list[str]:
    """The exchanges that the client asks for and takes without an error."""
    found = fixtures.names(cell, "openai-chat", stream=stream)
    fails = ["an error after the text leaves what was said", "an event that cannot be read leaves what was said before it"]
    asked = [name for name in found if fixtures.exchange(name).path == "/v1/chat/completions"]
    return [name for name in asked if name.partition("/")[2] not in fails]


def openai_request(name: str, turn: str) -> dict:
    request = fixtures.exchange(name).asked(turn) | {"extra_headers": {"x-exchange": name}}
    request.pop("stream", None)
    return request


def openai_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="not-a-key", max_retries=0, timeout=60)


def openai_texts(pieces: list) -> dict[int, str]:
    """The text of each choice, without what the model thought aloud."""
    texts: dict[int, str] = {}
    for choice in itertools.chain.from_iterable(piece.choices for piece in pieces):
        content = (choice.message if hasattr(choice, "message") else choice.delta).content or ""
        if isinstance(content, list):
            content = "".join(part["text"] for part in content if part["type"] == "text")
        texts[choice.index] = texts.get(choice.index, "") + content
    return texts


SEVERAL = ["openai-chat/every choice that the client asked for gets it",
           "openai-chat/the chunks of two choices interleave, and both choices get it"]
ONE_FOR_ALL = "openai-chat/a second choice that nobody asked for keeps its words"
# A server that gives each token an index of its own: together they are one text.
RAISES = "openai-chat/a server that raises the index with every token gets one sentence"


@TURNS
@pytest.mark.parametrize("name", [name for name in openai_names("plain", stream=False) if name not in SEVERAL])
def test_openai_has_the_sentence_behind_a_completion(behind, name, turn):
    direct, through = ([completions.whole(openai_client(url), **openai_request(name, turn))[0]] for url in behind)
    is_only_behind(*([reply.model_dump_json() for reply in replies] for replies in (direct, through)))
    assert openai_texts(through) == openai_texts(direct) | {0: behind_it(openai_texts(direct)[0])}


@TURNS
@pytest.mark.parametrize("name", [name for name in openai_names("streamed", stream=True) if name not in SEVERAL])
def test_openai_has_the_sentence_behind_a_stream(behind, name, turn):
    direct, through = (completions.streamed(openai_client(url), **openai_request(name, turn))[0] for url in behind)
    is_only_behind(*([chunk.model_dump_json(exclude={"obfuscation"}) for chunk in chunks] for chunks in (direct, through)))
    texts = ["".join(openai_texts(chunks).values()) for chunks in (direct, through)]
    assert texts[1] == behind_it(texts[0])


@TURNS
@pytest.mark.parametrize("name", SEVERAL)
def test_openai_has_the_sentence_behind_each_choice(behind, name, turn):
    ask = completions.streamed if fixtures.exchange(name).chunks else completions.whole
    replies = [ask(openai_client(url), **openai_request(name, turn))[0] for url in behind]
    direct, through = (openai_texts(reply if isinstance(reply, list) else [reply]) for reply in replies)
    assert through == {index: behind_it(text) for index, text in direct.items()}


@TURNS
@pytest.mark.parametrize("name", [name for name in openai_names("streamed", stream=True) if name != RAISES])
def test_openais_stream_helper_puts_it_together(behind, name, turn):
    finals = []
    for url in behind:
        with openai_client(url).chat.completions.stream(**openai_request(name, turn)) as stream:
            deltas = [event.delta for event in stream if event.type == "content.delta"]
            finals.append(stream.get_final_completion())
    direct, through = finals
    assert openai_texts([through]) == {index: behind_it(text) for index, text in openai_texts([direct]).items()}
    assert "".join(map(str, deltas)).count(SAID) == len(direct.choices)
    blanked = [without_text(final.model_dump(exclude={"obfuscation"})) for final in finals]
    assert blanked[0] == blanked[1]


@pytest.mark.parametrize("name", fixtures.names("left-alone", "openai-chat", settled="tool-call"))
def test_openais_tool_calls_alone_get_none(behind, name):
    finals = []
    for url in behind:
        asked, request = openai_client(url), openai_request(name, CALM)
        if fixtures.exchange(name).chunks:
            finals.append([chunk.model_dump() for chunk in completions.streamed(asked, **request)[0]])
        else:
            finals.append(completions.whole(asked, **request)[0].model_dump())
    assert finals[0] == finals[1]


@TURNS
@pytest.mark.parametrize("name", [name for name in messages.PLAIN if name != messages.SHOP])
def test_anthropic_has_the_sentence_behind_a_message(behind, name, turn):
    (direct, _), (through, _) = (messages.whole(url, name, turn) for url in behind)
    is_only_behind([direct.model_dump_json()], [through.model_dump_json()])
    assert messages.text(through) == behind_it(messages.text(direct))


@TURNS
@pytest.mark.parametrize("name", [name for name in messages.STREAMED if name != messages.SHOP])
def test_anthropic_has_the_sentence_behind_a_stream(behind, name, turn):
    (direct_types, direct_shown, direct), (types, shown, through) = (messages.streamed(url, name, turn) for url in behind)
    assert inserted(direct_types, types) in ([], ["content_block_delta", "text"])
    is_only_behind([direct.model_dump_json()], [through.model_dump_json()])
    assert messages.text(through) == shown == behind_it(direct_shown)


@pytest.mark.parametrize("name", fixtures.names("left-alone", "anthropic", settled="tool-call"))
def test_anthropics_tool_calls_alone_get_none(behind, name):
    ask = messages.streamed if fixtures.exchange(name).chunks else messages.whole
    direct, through = (next(part for part in ask(url, name, CALM) if hasattr(part, "content")) for url in behind)
    assert through == direct


@TURNS
@pytest.mark.parametrize("name", [*llama.PLAIN, *llama.STREAMED])
def test_ollama_has_the_sentence_behind_a_reply(behind, name, turn):
    ask = llama.streamed if fixtures.exchange(name).chunks else llama.whole
    direct, through = (ask(url, name, turn) for url in behind)
    is_only_behind(*([line.model_dump_json() for line in lines] for lines in (direct, through)))
    assert llama.text(through) == behind_it(llama.text(direct))


@pytest.mark.parametrize("name", fixtures.names("left-alone", "ollama", settled="tool-call"))
def test_ollamas_tool_calls_alone_get_none(behind, name):
    ask = llama.streamed if fixtures.exchange(name).chunks else llama.whole
    direct, through = (ask(url, name, CALM) for url in behind)
    assert through == direct


GEMINI = [name for name in [*gemini.PLAIN, *gemini.STREAMED] if name != gemini.SHOP]


@TURNS
@pytest.mark.parametrize("name", [name for name in GEMINI if name not in gemini.TWO_CANDIDATES])
def test_gemini_has_the_sentence_behind_a_response(behind, name, turn):
    ask = gemini.streamed if fixtures.exchange(name).chunks else gemini.whole
    direct, through = (ask(url, name, turn) for url in behind)
    is_only_behind(*([part.model_dump_json(exclude={"sdk_http_response"}) for part in parts] for parts in (direct, through)))
    assert gemini.texts(through) == {0: behind_it(gemini.texts(direct)[0])}


@TURNS
@pytest.mark.parametrize("name", gemini.TWO_CANDIDATES)
def test_gemini_has_the_sentence_behind_each_candidate(behind, name, turn):
    ask = gemini.streamed if fixtures.exchange(name).chunks else gemini.whole
    direct, through = (gemini.texts(ask(url, name, turn)) for url in behind)
    assert through == {index: behind_it(text) for index, text in direct.items()}


@pytest.mark.parametrize("name", gemini.readable("left-alone", stream=True, settled="tool-call"))
def test_geminis_function_calls_alone_get_none(behind, name):
    direct, through = (gemini.streamed(url, name, CALM) for url in behind)
    assert gemini.dumped(through) == gemini.dumped(direct)


def play(client, urls, name: str, turn: str) -> tuple[dict, dict]:  # noqa: F811
    """What a client in JavaScript makes of an exchange: without undertone, and through it."""
    case, job = scripts.exchange(name, turn)
    direct, through = (client(case.client).play(url, **case.job, **job) for url in urls)
    return direct, through


def pieces_added(direct: dict, through: dict) -> list[str]:
    """The events that have come in; fails if anything else but the words is another."""
    added = inserted(direct["events"], through["events"])
    assert scripts.rest(through) | {"events": []} == scripts.rest(direct) | {"events": []}
    return added


NODE = [name for name in fixtures.names("streamed", "vercel", "ag-ui") if fixtures.exchange(name).settled == "prepend"]
MORE = [[], ["text-delta"], ["Text"], ["TEXT_MESSAGE_CONTENT"], ["TEXT_MESSAGE_CHUNK"]]


@TURNS
@pytest.mark.parametrize("name", NODE)
def test_readers_in_javascript_have_the_sentence_behind_a_stream(client, behind, name, turn):  # noqa: F811
    direct, through = play(client, behind, name, turn)
    assert direct["error"] is None and direct["text"]
    assert pieces_added(direct, through) in MORE
    assert through["text"] == behind_it(direct["text"])
    assert through["shown"] == behind_it(direct["shown"])


@pytest.mark.parametrize("name", fixtures.names("left-alone", "vercel", "ag-ui", settled="tool-call"))
def test_readers_in_javascript_get_tool_calls_alone(client, behind, name):  # noqa: F811
    direct, through = play(client, behind, name, CALM)
    assert through == direct


# The late reply


class Slow(fixtures.Fixtures):
    """Answers with an exchange, and is silent before its first words: for longer than undertone waits, or after some turns
    for less."""

    def read_body(self) -> bytes:
        self.pause = AFTER / 2 if b"address" in (body := super().read_body()) else PAUSE
        return body

    def answer(self, of: fixtures.Exchange) -> None:
        """Stops where the text begins, and before the event that announces it where there is one."""
        marked = of.reply.bytes(of.reply.body, crlf=of.crlf)
        before = marked[:min(at for mark in STARTS if (at := marked.find(mark)) >= 0)]
        self.left = sum(len(told) <= len(before) for told in itertools.accumulate(of.chunks))
        super().answer(of)

    def chunk(self, data: bytes) -> None:
        if self.left == 0:
            time.sleep(self.pause)
        self.left -= 1
        super().chunk(data)


STARTS = ["⟦".encode(), b'"TEXT_MESSAGE_START"', b'"text-start"']


@pytest.fixture(scope="module")
def late(exchanges, settings):
    """The exchanges as they are; and from a bot that takes its time, with a sentence in the place of what does not come."""
    with replay.serving(Slow) as slow, harness.undertone(slow, config=settings(TAKES_TIME)) as server:
        yield exchanges, server.url


def answered(words: str) -> str:
    """What is said of a late reply, and the bot's words when they come."""
    space = words[:len(words) - len(words.lstrip())]
    return f"{LATE}\n\n{space}{THEN} {words.lstrip()}"


LATE_CHUNKS = ["openai-chat/the sentence goes into the first delta that is not empty",
               "openai-chat/reasoning in a field of its own keeps its words"]


@pytest.mark.parametrize("name", LATE_CHUNKS)
def test_openais_stream_helper_is_told_that_a_reply_is_late(late, name):
    finals = []
    for url in late:
        with openai_client(url).chat.completions.stream(**openai_request(name, CALM)) as stream:
            shown = "".join(event.delta for event in stream if event.type == "content.delta")
            finals.append(stream.get_final_completion())
        assert shown == finals[-1].choices[0].message.content
    direct, through = finals
    assert through.choices[0].message.content == answered(direct.choices[0].message.content)
    # Who made the first chunk is told by the model and the time in it.
    rest = [without_text(final.model_dump(exclude={"obfuscation", "created", "model", "id"})) for final in finals]
    assert rest[0] == rest[1]


@pytest.mark.parametrize("name", ["ollama/the sentence goes into the first line that has content",
                                  "ollama/of a generated reply the sentence goes into the first response",
                                  "ollama/lines of thought come first and keep their words"])
def test_ollama_is_told_that_a_reply_is_late(late, name):
    direct, through = (llama.streamed(url, name, CALM) for url in late)
    assert llama.text(through) == answered(llama.text(direct))
    [added] = inserted(*([without_text(line.model_dump(exclude={"created_at"})) for line in lines] for lines in (direct, through)))
    assert not added["done"]


@pytest.mark.parametrize("name", ["anthropic/the sentence goes into the first delta that is not empty, and pings pass",
                                  "anthropic/thoughts in a stream come first and keep their words"])
def test_anthropics_stream_helper_is_told_that_a_reply_is_late(late, name):
    (direct_types, direct_shown, direct), (types, shown, through) = (messages.streamed(url, name, CALM) for url in late)
    assert inserted(direct_types, types) == ["content_block_delta", "text"]
    assert shown == messages.text(through) == answered(direct_shown)
    assert without_text(through.model_dump()) == without_text(direct.model_dump())


@pytest.mark.parametrize("name, added", [
    ("ag-ui/the text comes after the events of reasoning, of state and of a tool", ["START", "CONTENT", "END"]),
    ("ag-ui/a tool's result that the client sends back goes on with the same turn", ["START", "CONTENT", "END"]),
    ("vercel/the text comes after a thought and a tool's result", ["text-start", "text-delta", "text-end"]),
    ("vercel/a second turn is read after its history, wherever the route is", ["text-start", "text-delta", "text-end"]),
])
def test_readers_in_javascript_are_told_that_a_reply_is_late(client, late, name, added):  # noqa: F811
    direct, through = play(client, late, name, CALM)
    assert through["error"] is None
    assert sorted(inserted(direct["events"], through["events"])) == sorted(
        kind if kind.startswith("text") else f"TEXT_MESSAGE_{kind}" for kind in added)
    assert through["text"] == answered(direct["text"]) and through["shown"] == answered(direct["shown"])
    assert [through[key] for key in ("tools", "finish", "usage")] == [direct[key] for key in ("tools", "finish", "usage")]
    # A message or a part of its own.
    assert inserted(direct["other"], through["other"]) in (["assistant"], ["text"])


@pytest.mark.parametrize("name", ["rasa/one message a line, labelled as events"])
def test_rasa_is_told_that_a_reply_is_late_in_a_message_of_its_own(late, name):
    _, through = late
    of = fixtures.exchange(name)
    answer = curl(through + of.path, of.asked(CALM) | {"sender": "ada"}, "-H", f"x-exchange: {name}", stream=True)
    assert [json.loads(line) for line in answer.body.splitlines()] == [
        {"recipient_id": "ada", "text": LATE},
        {"recipient_id": "u1", "text": f"{THEN} Your order left today."},
        {"recipient_id": "u1", "text": "It arrives on Friday."},
    ]


def test_a_late_reply_to_a_furious_turn_is_acknowledged_once(late):
    name = LATE_CHUNKS[0]
    direct, through = (openai_texts(completions.streamed(openai_client(url), **openai_request(name, FURIOUS))[0])[0] for url in late)
    said, _, answer = through.partition("\n\n")
    assert answer == f"{THEN} {direct}"
    assert acknowledged(LATE, said)


@pytest.mark.parametrize("name", [LATE_CHUNKS[0], "anthropic/thoughts in a stream come first and keep their words"])
def test_what_is_said_of_a_late_reply_comes_while_the_bot_is_silent(late, name):
    _, through = late
    of, came = fixtures.exchange(name), {}
    headers = {"content-type": "application/json", "x-exchange": name}
    connection = http.client.HTTPConnection(through.removeprefix("http://"), timeout=20)
    connection.request("POST", of.path, of.sent(CALM), headers)
    sent, read = time.monotonic(), b""
    response = connection.getresponse()
    while piece := response.read1():
        read += piece
        for words in (LATE, THEN):
            if words in read.decode():
                came.setdefault(words, time.monotonic() - sent)
    connection.close()
    assert AFTER < came[LATE] < PAUSE <= came[THEN]


@pytest.mark.parametrize("name", [*LATE_CHUNKS[:1], "rasa/one message a line, labelled as events"])
def test_a_bot_in_time_has_nothing_said_of_it(late, name):
    _, through = late
    of = fixtures.exchange(name)
    answer = curl(through + of.path, of.asked(fixtures.CALM), "-H", f"x-exchange: {name}", stream=True)
    assert answer.body == of.body


@pytest.mark.parametrize("name", ["ollama/the sentence goes before the content of the message"])
def test_a_reply_that_comes_whole_is_never_late(late, name):
    direct, through = (llama.whole(url, name, CALM) for url in late)
    assert through == direct


# Stories


@dataclass
class Answer:
    """What the shop's bot says, what it tells beside that, and how long it is silent before."""

    text: str
    beside: dict = field(default_factory=dict)
    pause: float = 0


PROFILE = {"role": "a nurse", "place": "a hospital", "goal": "plan shifts faster", "team": ""}
GUESSES = {"nlu": {"ranking": [{"label": "the return label"}, {"label": "the refund"}], "confidence": 0.4}}

ANSWERS = {
    "Where is my box?": Answer("It is at the depot in Leeds and goes out tomorrow morning."),
    "Where is my box now?": Answer("It is on the van."),
    "How do I send it back?": Answer("Returns are free."),
    "?": Answer("You can return it within 30 days.", GUESSES),
    "The return label.": Answer("It is under Orders, then Return.", GUESSES),
    "I want to plan our shifts faster.": Answer("That can be done for teams of 5 to 200.", {"metadata": {"profile": PROFILE}}),
    "Yes, exactly.": Answer("How many people are in your team?", {"metadata": {"profile": PROFILE}}),
    "We are 12.": Answer("For a team of 12 it is 40 euros a month.",
                         {"metadata": {"profile": PROFILE | {"team": "12"}, "ways": ["see a sample plan", "set up a trial"]}}),
    "A trial, please.": Answer("Your trial starts today.", {"metadata": {"profile": PROFILE | {"team": "12"}, "ways": []}}),
    "Do you have it in Leeds?": Answer("One moment, please.", {"metadata": {"task": "the stock in Leeds", "task_seconds": 60}}),
    "Okay.": Answer("There are four left.", {"metadata": {"task": "the stock in Leeds", "task_done": True}}),
    "Do you have it in York?": Answer("There are two left.", pause=PAUSE),
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
FRIENDLY = list(ANSWERS)[-10:]


class Shop:
    """A bot that speaks several protocols and remembers what it was sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], dict]] = []

    def handler(shop):  # noqa: N805 - `self` is the request below
        class Handler(replay.Quiet):
            def do_POST(self):
                request = json.loads(self.read_body())
                shop.heard.append(({name.lower(): value for name, value in self.headers.items()}, request))
                words = request["message"] if "message" in request else request["messages"][-1]["content"]
                answer = ANSWERS.get(words, Answer("I can look up orders."))
                path, _, query = self.path.partition("?")
                speak = {"/v1/chat/completions": completion, "/v1/messages": message, "/api/chat": lines, "/webhooks/rest/webhook": rasa}[path]
                is_stream = request.get("stream", False) or "stream=true" in query
                kind, parts = speak(answer, request, is_stream)
                self.send_response_only(200)
                self.send_header("Content-Type", kind)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.chunk(parts[0])
                time.sleep(answer.pause)
                for part in parts[1:]:
                    self.chunk(part)
                self.wfile.write(b"0\r\n\r\n")

            def do_GET(self):
                shop.heard.append(({name.lower(): value for name, value in self.headers.items()}, {}))
                self.send_response_only(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Handler


def events(parts: list[dict], *, named: bool = False) -> tuple[str, list[bytes]]:
    def event(part: dict) -> bytes:
        name = f"event: {part['type']}\n" if named else ""
        return f"{name}data: {json.dumps(part)}\n\n".encode()

    return "text/event-stream", [event(part) for part in parts]


def in_words(text: str) -> list[str]:
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def completion(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    def told(kind: str, **choice) -> dict:
        return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "shop", "choices": [{"index": 0, **choice}]}

    if not is_stream:
        whole = told("chat.completion", message={"role": "assistant", "content": answer.text}, finish_reason="stop")
        return "application/json", [json.dumps(whole | answer.beside).encode()]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in in_words(answer.text))]
    chunks = [told("chat.completion.chunk", delta=delta, finish_reason=None) for delta in deltas]
    kind, parts = events([*chunks, told("chat.completion.chunk", delta={}, finish_reason="stop") | answer.beside])
    return kind, [*parts, b"data: [DONE]\n\n"]


def message(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    of = {"id": "msg_1", "type": "message", "role": "assistant", "model": "shop", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    if not is_stream:
        whole = of | {"content": [{"type": "text", "text": answer.text}], "stop_reason": "end_turn"}
        return "application/json", [json.dumps(whole | answer.beside).encode()]
    deltas = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in in_words(answer.text)]
    kind, (start, opened, *rest) = events([
        {"type": "message_start", "message": of | {"content": [], "stop_reason": None}} | answer.beside,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ], named=True)
    return kind, [start + opened, *rest]


def lines(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    def told(text: str, done: bool) -> dict:
        return {"model": "shop", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": text}, "done": done}

    if not is_stream:
        return "application/json", [json.dumps(told(answer.text, True) | answer.beside).encode()]
    parts = [told("", False), *(told(word, False) for word in in_words(answer.text)), told("", True) | answer.beside]
    return "application/x-ndjson", [json.dumps(part).encode() + b"\n" for part in parts]


def rasa(answer: Answer, request: dict, is_stream: bool) -> tuple[str, list[bytes]]:
    said = json.dumps({"recipient_id": request["sender"], "text": answer.text}).encode()
    return ("text/event-stream", [b"\n", said + b"\n"]) if is_stream else ("application/json", [b"[" + said + b"]"])


@pytest.fixture(scope="module")
def shop():
    """The shop's bot, and where it is."""
    shop = Shop()
    with replay.serving(shop.handler()) as url:
        yield shop, url


@pytest.fixture(scope="module")
def shop_proxy(shop, settings):
    """undertone in front of it with every rule of examples/rules, with the late reply, and telling the bot what it hears."""
    config = settings(TAKES_TIME, before=f"rules = {json.dumps(GALLERY)}\ntell_bot = true\n")
    with harness.undertone(shop[1], config=config) as server:
        yield server


@dataclass
class Talk:
    """A conversation through a client, whose history is what the user has read."""

    client: Callable[["Talk"], str]
    stream: bool
    url: str = ""
    metadata: dict = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    history: list[dict] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.client.__name__.removeprefix('by_')}-{'stream' if self.stream else 'plain'}"

    def say(self, turn: str) -> str:
        self.history.append({"role": "user", "content": turn})
        reply = self.client(self)
        self.history.append({"role": "assistant", "content": reply})
        return reply


def by_openai(talk: Talk) -> str:
    asked = openai_client(talk.url).chat.completions
    request = {"model": "shop", "messages": talk.history} | ({"metadata": talk.metadata} if talk.metadata else {})
    if not talk.stream:
        return asked.create(**request).choices[0].message.content
    with asked.stream(**request) as stream:
        stream.until_done()
        return stream.get_final_completion().choices[0].message.content


def by_anthropic(talk: Talk) -> str:
    asked = anthropic.Anthropic(base_url=talk.url, api_key="not-a-key", max_retries=0, timeout=60).messages
    request = {"model": "shop", "max_tokens": 99, "messages": talk.history} | ({"metadata": talk.metadata} if talk.metadata else {})
    if not talk.stream:
        return messages.text(asked.create(**request))
    with asked.stream(**request) as stream:
        return stream.get_final_text()


def by_ollama(talk: Talk) -> str:
    replies = ollama.Client(host=talk.url, timeout=60).chat(model="shop", messages=talk.history, stream=talk.stream)
    return llama.text(replies if talk.stream else [replies])


def by_rasa(talk: Talk) -> str:
    asked = {"sender": talk.name, "message": talk.history[-1]["content"], "metadata": talk.metadata}
    body = curl(f"{talk.url}/webhooks/rest/webhook{'?stream=true' if talk.stream else ''}", asked, stream=True).body
    said = [json.loads(line) for line in body.splitlines() if line] if talk.stream else json.loads(body)
    return "\n\n".join(part["text"] for part in said)


@pytest.fixture
def talk(request, shop_proxy) -> Talk:
    by, stream = request.param
    return Talk(by, stream, shop_proxy.url)


def told_by(*clients: Callable[[Talk], str], stream: tuple[bool, ...] = (False, True)):
    """Tells a story through each of these clients, with replies that come whole and with streams."""
    cases = list(itertools.product(clients, stream))
    return pytest.mark.parametrize("talk", cases, ids=[str(Talk(*case)) for case in cases], indirect=True)


@told_by(by_openai, by_anthropic, by_rasa)
def test_an_order_that_is_late_is_owned_up_to_once(talk):
    talk.metadata = {"order_due": "2024-11-23"}
    assert talk.say("Where is my box?") == (
        "I understand you're eager for your delivery: it was due on 23 November, so it's late. "
        "It is at the depot in Leeds and goes out tomorrow morning.")
    assert talk.say("Where is my box now?") == "It is on the van."


@told_by(by_openai, by_anthropic, by_rasa)
def test_an_order_that_is_not_due_is_not_called_late(talk):
    talk.metadata = {"order_due": "2999-11-23"}
    assert talk.say("Where is my box?") == "It is at the depot in Leeds and goes out tomorrow morning."


@told_by(by_openai, by_anthropic, by_ollama)
def test_who_is_lost_is_asked_which_of_two_is_meant(talk):
    assert talk.say("How do I send it back?") == "Returns are free."
    assert talk.say("?") == "You can return it within 30 days. Are you asking about the return label, or more about the refund?"
    assert talk.say("The return label.") == "It is under Orders, then Return."


@told_by(by_openai, by_anthropic, by_ollama)
def test_what_is_known_is_summed_up_once_and_then_turned_into_a_choice(talk):
    assert talk.say("I want to plan our shifts faster.") == (
        "That can be done for teams of 5 to 200. "
        "So you're a nurse at a hospital, and you're looking to plan shifts faster. Is that right?")
    assert talk.say("Yes, exactly.") == "How many people are in your team?"
    assert talk.say("We are 12.") == (
        "For a team of 12 it is 40 euros a month. "
        "Since you're looking to plan shifts faster: would you rather see a sample plan, or set up a trial?")
    assert talk.say("A trial, please.") == "Your trial starts today."


@told_by(by_openai, by_anthropic, by_ollama, by_rasa)
def test_a_friendly_conversation_of_ten_turns_is_the_bots_alone(talk):
    assert [talk.say(turn) for turn in FRIENDLY] == [ANSWERS[turn].text for turn in FRIENDLY]


@told_by(by_openai, by_anthropic, by_ollama)
def test_what_takes_a_while_is_said_when_it_begins_and_when_it_is_over(talk):
    assert talk.say("Do you have it in Leeds?") == "One moment, please. I'm checking the stock in Leeds. This should take about a minute."
    # A stream has begun before it is known that it is over.
    over = "" if talk.stream else "Okay, I've checked the stock in Leeds. "
    assert talk.say("Okay.") == f"{over}There are four left."


@told_by(by_openai, by_anthropic, by_ollama, by_rasa, stream=(True,))
def test_a_bot_that_takes_its_time_says_so_and_then_answers(talk):
    assert talk.say("Do you have it in York?") == f"{LATE}\n\n{THEN} There are two left."
    assert talk.say("Nice, how big is it?") == "It holds 300 ml."


# What the bot is told


FORGED = {f"x-undertone-{name}": "forged" for name in ("weight", "emotion", "target", "signals")}


def told_of(headers: dict[str, str]) -> dict[str, str]:
    """What the bot is told in undertone's name."""
    return {name.removeprefix("x-undertone-"): value for name, value in headers.items() if name.startswith("x-undertone-")}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_bot_is_told_what_a_turn_expresses_and_never_what_a_client_claims(shop, shop_proxy, stream):
    ask = completions.streamed if stream else completions.whole
    _, headers = ask(openai_client(shop_proxy.url), **chat("shop", FURIOUS), extra_headers=FORGED)
    told = told_of(shop[0].heard[-1][0])
    said = harness.Said.read(headers["undertone"])
    assert float(told["weight"]) == said.weight and told["emotion"] == said.rest["emotion"] != "none"
    assert told["signals"] == "negative" and told.keys() == {"weight", "emotion", "target", "signals"}
    assert not told_of(dict(headers)), "and nobody else is"


def test_a_bot_is_told_of_a_calm_turn_as_well(shop, shop_proxy):
    completions.whole(openai_client(shop_proxy.url), **chat("shop", CALM), extra_headers=FORGED)
    told = told_of(shop[0].heard[-1][0])
    assert float(told["weight"]) < 0.3 and told["emotion"] == told["target"] == "none" and "signals" not in told


def test_the_bot_gets_nothing_forged_in_a_request_that_is_no_turn(shop, shop_proxy):
    forged = [option for name, value in FORGED.items() for option in ("-H", f"{name}: {value}")]
    assert curl(f"{shop_proxy.url}/health", None, *forged).status == 200
    assert not told_of(shop[0].heard[-1][0])


def test_a_bot_that_is_not_to_be_told_is_not(shop):
    with harness.undertone(shop[1]) as proxy:
        completions.whole(openai_client(proxy.url), **chat("shop", FURIOUS), extra_headers=FORGED)
    assert not told_of(shop[0].heard[-1][0])


# A bad file of rules

GOOD = """[[rule]]
name = "more"
layer = "procedural"
when = "turn.words > 1"
say = "Is there anything else?"
"""


@pytest.mark.parametrize("line, good, bad", [
    (2, '"more"', "more"),
    (3, '"procedural"', '"behavioural"'),
    (4, "turn.words", "trun.words"),
    (4, "> 1", ">"),
    (5, "anything", "{{ anything }}"),
    (5, "?", "{% if %}"),
    (5, "say", "says"),
])
@pytest.mark.parametrize("where", ["rules.toml", "undertone.toml"])
def test_a_bad_rule_is_an_error_that_names_file_and_line(tmp_path, where, line, good, bad):
    (tmp_path / where).write_text(GOOD.replace(good, bad))
    settings = tmp_path / "undertone.toml"
    if where != settings.name:
        settings.write_text(f'rules = ["{where}"]\n')
    ended = subprocess.run(
        [harness.UNDERTONE, "serve", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--config", settings],
        capture_output=True, text=True, timeout=30, check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"undertone: {tmp_path / where}:{line}: ") and ended.stderr.count("\n") == 1, ended.stderr
