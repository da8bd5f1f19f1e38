"""The official `ollama` client sees a reply like any other: through undertone as without it."""

import fixtures
import ollama
import pytest
from harness import CALM, FURIOUS, acknowledged, inserted

FAILS = "ollama/an error after the text leaves what was said"
UNREADABLE = "ollama/a line that cannot be read leaves what was said before it"
PLAIN = fixtures.names("plain", "ollama")
STREAMED = [name for name in fixtures.names("streamed", "ollama") if name not in (FAILS, UNREADABLE)]


def ask(url: str, name: str, turn: str):
    """What the client returns: a reply, or the pieces of one."""
    of = fixtures.exchange(name)
    client = ollama.Client(host=url, headers={"x-exchange": name}, timeout=60)
    call = client.chat if of.path == "/api/chat" else client.generate
    return call(**of.asked(turn) | {"stream": of.chunks is not None})


def whole(url: str, name: str, turn: str) -> list:
    return [ask(url, name, turn)]


def streamed(url: str, name: str, turn: str) -> list:
    return list(ask(url, name, turn))


def text(replies) -> str:
    return "".join((reply.message.content if "message" in reply else reply.response) or "" for reply in replies)


def words(replies) -> str:
    """The text, without what the model thought aloud."""
    return text(replies).rpartition("</think>")[2].lstrip()


def dumped(replies) -> bytes:
    return b"\n".join(reply.model_dump_json().encode() for reply in replies)


@pytest.mark.parametrize("name", PLAIN)
def test_a_reply_is_acknowledged_once(pair, name):
    direct, through = (whole(url, name, FURIOUS) for url in pair)
    acknowledged(text(direct), text(through))
    assert inserted(dumped(direct), dumped(through))


@pytest.mark.parametrize("name", STREAMED)
def test_a_streamed_reply_is_acknowledged_once_and_keeps_its_lines(pair, name):
    direct, through = (streamed(url, name, FURIOUS) for url in pair)
    acknowledged(words(direct), words(through))
    assert inserted(dumped(direct), dumped(through))
    assert len(through) == len(direct)


@pytest.mark.parametrize("name", PLAIN)
def test_a_reply_to_a_calm_turn_is_left_alone(pair, name):
    direct, through = (whole(url, name, CALM) for url in pair)
    assert through == direct


@pytest.mark.parametrize("name", STREAMED)
def test_a_streamed_reply_to_a_calm_turn_is_left_alone(pair, name):
    direct, through = (streamed(url, name, CALM) for url in pair)
    assert through == direct


@pytest.mark.parametrize("name", fixtures.names("softened", "ollama", stream=False))
def test_a_gushing_opener_goes(pair, name):
    direct, through = (whole(url, name, fixtures.CALM) for url in pair)
    assert inserted(dumped(through), dumped(direct)) == fixtures.OPENER.encode()


@pytest.mark.parametrize("name", fixtures.names("softened", "ollama", stream=True))
def test_a_gushing_opener_goes_from_a_stream(pair, name):
    direct, through = (streamed(url, name, fixtures.CALM) for url in pair)
    assert text(direct) == fixtures.OPENER + text(through)
    assert len(through) == len(direct)


@pytest.mark.parametrize("name", fixtures.names("left-alone", "ollama", settled="tool-call", stream=False))
def test_tool_calls_arrive_whole(pair, name):
    direct, through = (whole(url, name, FURIOUS) for url in pair)
    assert through == direct
    assert through[0].message.tool_calls


@pytest.mark.parametrize("name", fixtures.names("left-alone", "ollama", settled="tool-call", stream=True))
def test_streamed_tool_calls_arrive_whole(pair, name):
    direct, through = (streamed(url, name, FURIOUS) for url in pair)
    assert through == direct
    assert any(reply.message.tool_calls for reply in through)


@pytest.mark.parametrize("name, error", [(FAILS, ollama.ResponseError), (UNREADABLE, ValueError)])
def test_what_fails_after_the_text_fails_as_without_undertone(pair, name, error):
    shown = []
    for url in pair:
        replies = []
        with pytest.raises(error):
            for reply in ask(url, name, FURIOUS):
                replies.append(reply)
        shown.append(text(replies))
    acknowledged(*shown)
