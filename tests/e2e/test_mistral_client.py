"""The official `mistralai` client, whose models think in lists of parts, sees a reply like any other."""

import fixtures
import pytest
from harness import CALM, FURIOUS, acknowledged, inserted
from mistralai.client import Mistral
from mistralai.client.errors import ResponseValidationError

TWO_CHOICES = [
    "openai-chat/every choice that the client asked for gets it",
    "openai-chat/the chunks of two choices interleave, and both choices get it",
]
FAILS = "openai-chat/an error after the text leaves what was said"
UNREADABLE = "openai-chat/an event that cannot be read leaves what was said before it"
# Finish reasons that are missing or another server's: this client is strict.
FOREIGN = [
    "openai-chat/a last chunk that tells the whole text again agrees with the deltas",
    "openai-chat/a server that raises the index with every token gets one sentence",
]
PLAIN = fixtures.names("plain", "openai-chat")
STREAMED = [name for name in fixtures.names("streamed", "openai-chat") if name not in (FAILS, UNREADABLE, *FOREIGN)]


def ask(url: str, name: str, turn: str) -> tuple[Mistral, dict]:
    asked = Mistral(api_key="not-a-key", server_url=url, timeout_ms=60_000)
    request = fixtures.exchange(name).asked(turn)
    return asked, {"model": "magistral", "messages": request["messages"], "n": request.get("n"), "http_headers": {"x-exchange": name}}


def whole(url: str, name: str, turn: str) -> list:
    asked, request = ask(url, name, turn)
    return [asked.chat.complete(**request)]


def streamed(url: str, name: str, turn: str) -> list:
    asked, request = ask(url, name, turn)
    with asked.chat.stream(**request) as stream:
        return [event.data for event in stream]


def texts(replies) -> dict[int, str]:
    """The text of each choice, without what the model thought: in parts of their own, or aloud."""
    said: dict[int, str] = {}
    for reply in replies:
        for choice in reply.choices:
            content = (choice.delta if hasattr(choice, "delta") else choice.message).content or ""
            parts = [content] if isinstance(content, str) else [part.text for part in content if part.type == "text"]
            said[choice.index] = said.get(choice.index, "") + "".join(parts)
    return {index: text.rpartition("</think>")[2].lstrip() for index, text in said.items()}


def dumped(replies) -> bytes:
    return b"\n".join(reply.model_dump_json().encode() for reply in replies)


@pytest.mark.parametrize("name", [name for name in PLAIN if name not in TWO_CHOICES])
def test_a_reply_is_acknowledged_once(pair, name):
    direct, through = (whole(url, name, FURIOUS) for url in pair)
    acknowledged(texts(direct)[0], texts(through)[0])
    assert inserted(dumped(direct), dumped(through))


@pytest.mark.parametrize("name", [name for name in STREAMED if name not in TWO_CHOICES])
def test_a_streamed_reply_is_acknowledged_once_and_keeps_its_chunks(pair, name):
    direct, through = (streamed(url, name, FURIOUS) for url in pair)
    acknowledged(texts(direct)[0], texts(through)[0])
    assert inserted(dumped(direct), dumped(through))
    assert len(through) == len(direct)


@pytest.mark.parametrize("name", TWO_CHOICES)
def test_each_of_two_choices_is_acknowledged(pair, name):
    ask_it = streamed if name in STREAMED else whole
    direct, through = (ask_it(url, name, FURIOUS) for url in pair)
    assert len(through) == len(direct)
    acknowledgments = {acknowledged(texts(direct)[index], texts(through)[index]) for index in (0, 1)}
    assert len(acknowledgments) == 1


@pytest.mark.parametrize("name", PLAIN)
def test_a_reply_to_a_calm_turn_is_left_alone(pair, name):
    direct, through = (whole(url, name, CALM) for url in pair)
    assert dumped(through) == dumped(direct)


@pytest.mark.parametrize("name", STREAMED)
def test_a_streamed_reply_to_a_calm_turn_is_left_alone(pair, name):
    direct, through = (streamed(url, name, CALM) for url in pair)
    assert dumped(through) == dumped(direct)


@pytest.mark.parametrize("name", fixtures.names("softened", "openai-chat", stream=False))
def test_a_gushing_opener_goes(pair, name):
    direct, through = (whole(url, name, fixtures.CALM) for url in pair)
    assert inserted(dumped(through), dumped(direct)) == fixtures.OPENER.encode()


@pytest.mark.parametrize("name", ["openai-chat/a gushing opener in pieces goes"])
def test_a_gushing_opener_goes_from_a_stream(pair, name):
    direct, through = (streamed(url, name, fixtures.CALM) for url in pair)
    assert texts(direct)[0] == fixtures.OPENER + texts(through)[0]
    assert len(through) == len(direct)


@pytest.mark.parametrize("name", fixtures.names("left-alone", "openai-chat", settled="tool-call", stream=False))
def test_tool_calls_arrive_whole(pair, name):
    direct, through = (whole(url, name, FURIOUS) for url in pair)
    assert dumped(through) == dumped(direct)
    assert through[0].choices[0].message.tool_calls


@pytest.mark.parametrize("name", [FAILS, UNREADABLE])
def test_what_fails_after_the_text_fails_as_without_undertone(pair, name):
    shown = []
    for url in pair:
        asked, request = ask(url, name, FURIOUS)
        replies = []
        with pytest.raises(ResponseValidationError), asked.chat.stream(**request) as stream:
            for event in stream:
                replies.append(event.data)
        shown.append(texts(replies)[0])
    acknowledged(*shown)
