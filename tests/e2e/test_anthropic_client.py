"""The official `anthropic` client sees a message like any other: through undertone as without it."""

import json

import anthropic
import fixtures
import pytest
from harness import CALM, FURIOUS, Said, acknowledged, chat, inserted

SHOP, TOOLS, GUSHING = "litellm/shop", "litellm/tools", "litellm/gushing"
FAILS = "anthropic/an error after the text leaves what was said"
UNREADABLE = "anthropic/an event that cannot be read leaves what was said before it"

PLAIN = [*fixtures.names("plain", "anthropic"), SHOP]
STREAMED = [name for name in [*fixtures.names("streamed", "anthropic"), SHOP] if name not in (FAILS, UNREADABLE)]


def ask(url: str, name: str, turn: str) -> tuple[anthropic.Anthropic, dict]:
    asked = anthropic.Anthropic(base_url=url, api_key="not-a-key", max_retries=0, timeout=60, default_headers={"x-exchange": name})
    if name.startswith("litellm/"):
        return asked, chat(name.replace("litellm", "relayed"), turn, max_tokens=99)
    request = fixtures.exchange(name).asked(turn) | {"model": "shop"}
    request.pop("stream", None)
    return asked, request


def whole(url: str, name: str, turn: str):
    asked, request = ask(url, name, turn)
    raw = asked.messages.with_raw_response.create(**request)
    return raw.parse(), raw.headers


def streamed(url: str, name: str, turn: str):
    """The types of the events, the text that was shown, and the message that is put together."""
    asked, request = ask(url, name, turn)
    with asked.messages.stream(**request) as stream:
        events = list(stream)
        shown = "".join(event.text for event in events if event.type == "text")
        return [event.type for event in events], shown, stream.get_final_message()


def text(message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def dumped(message) -> bytes:
    """All of a message but its id, which LiteLLM makes anew."""
    return message.model_dump_json(exclude={"id"}).encode()


@pytest.mark.parametrize("name", PLAIN)
def test_a_message_is_acknowledged_once(pair, name):
    (direct, _), (through, headers) = (whole(url, name, FURIOUS) for url in pair)
    acknowledged(text(direct), text(through))
    assert inserted(dumped(direct), dumped(through))
    said = Said.read(headers.get("undertone"))
    assert said.action == "prepend" and said.weight > 0


@pytest.mark.parametrize("name", STREAMED)
def test_a_streamed_message_is_acknowledged_once_and_keeps_its_events(pair, name):
    (direct_types, direct_shown, direct), (types, shown, through) = (streamed(url, name, FURIOUS) for url in pair)
    acknowledged(direct_shown, shown)
    assert types == direct_types
    assert inserted(dumped(direct), dumped(through))
    assert text(through) == shown


@pytest.mark.parametrize("name", PLAIN)
def test_a_message_to_a_calm_turn_is_left_alone(pair, name):
    (direct, _), (through, headers) = (whole(url, name, CALM) for url in pair)
    assert dumped(through) == dumped(direct)
    said = Said.read(headers.get("undertone"))
    assert said.action == "none" and "reason" in said.rest


@pytest.mark.parametrize("name", STREAMED)
def test_a_streamed_message_to_a_calm_turn_is_left_alone(pair, name):
    (direct_types, _, direct), (types, _, through) = (streamed(url, name, CALM) for url in pair)
    assert types == direct_types
    assert dumped(through) == dumped(direct)


@pytest.mark.parametrize("name", [*fixtures.names("softened", "anthropic", stream=False), GUSHING])
def test_a_gushing_opener_goes(pair, name):
    (direct, _), (through, _) = (whole(url, name, fixtures.CALM) for url in pair)
    assert inserted(dumped(through), dumped(direct)) == fixtures.OPENER.encode()


@pytest.mark.parametrize("name", [*fixtures.names("softened", "anthropic", stream=True), GUSHING])
def test_a_gushing_opener_goes_from_a_stream(pair, name):
    (direct_types, _, direct), (types, shown, through) = (streamed(url, name, fixtures.CALM) for url in pair)
    assert types == direct_types
    assert inserted(dumped(through), dumped(direct)) == fixtures.OPENER.encode()
    assert text(through) == shown


@pytest.mark.parametrize("name", [*fixtures.names("left-alone", "anthropic", settled="tool-call", stream=False), TOOLS])
def test_tool_calls_arrive_whole(pair, name):
    (direct, _), (through, _) = (whole(url, name, FURIOUS) for url in pair)
    assert dumped(through) == dumped(direct)
    assert through.content[-1].type == "tool_use"


@pytest.mark.parametrize("name", fixtures.names("left-alone", "anthropic", settled="tool-call", stream=True))
def test_streamed_tool_calls_arrive_whole(pair, name):
    (direct_types, _, direct), (types, _, through) = (streamed(url, name, FURIOUS) for url in pair)
    assert types == direct_types
    assert dumped(through) == dumped(direct)
    assert through.content[-1].type == "tool_use"


@pytest.mark.parametrize("name, error", [(FAILS, anthropic.APIStatusError), (UNREADABLE, json.JSONDecodeError)])
def test_what_fails_after_the_text_fails_as_without_undertone(pair, name, error):
    shown = []
    for url in pair:
        asked, request = ask(url, name, FURIOUS)
        pieces = []
        with pytest.raises(error), asked.messages.stream(**request) as stream:
            for piece in stream.text_stream:
                pieces.append(piece)
        shown.append("".join(pieces))
    acknowledged(*shown)
