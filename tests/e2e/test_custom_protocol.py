"""A bot with a protocol of its own, described in undertone.toml: POST /chat with {"session", "message"}."""

import json
import sys

import harness
import pytest
import replay
from harness import CALM, FURIOUS, acknowledged, curl, inserted
from test_recordings import ask

@pytest.fixture(scope="module")
def custom_bot():
    port = harness.free_port()
    with harness.running("custom-bot", [sys.executable, harness.ROOT / "scripts" / "record" / "custom_bot.py", port], port) as server:
        yield server


@pytest.fixture(scope="module")
def custom_proxy(custom_bot):
    with harness.undertone(custom_bot.url) as server:
        yield server


def words(body: bytes) -> str:
    """The text of a plain, event or line reply."""
    lines = [line.removeprefix(b"data: ") for line in body.split(b"\n") if line.strip()]
    return "".join(value.get("reply", value.get("delta", "")) for value in map(json.loads, lines))


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "application/x-ndjson"])
@pytest.mark.parametrize("turn", [CALM, FURIOUS], ids=["calm", "furious"])
def test_a_custom_bot_is_adjusted_in_each_framing(custom_bot, custom_proxy, accept, turn):
    # A conversation of its own for each: one that was acknowledged before may be met with silence.
    request = {"session": f"{accept}-{turn[:4]}", "message": turn}
    direct, through = (curl(server.url + "/chat", request, "-H", f"Accept: {accept}", stream=True) for server in (custom_bot, custom_proxy))
    if turn is CALM:
        assert through.body == direct.body
        assert through.undertone.action == "none"
    else:
        assert inserted(direct.body, through.body)
        acknowledged(words(direct.body), words(through.body))
        assert through.body.count(b"\n") == direct.body.count(b"\n"), "no event or line was added"
        assert through.undertone.action == "prepend"


def test_the_example_bots_chat_is_adjusted(bot, proxy):
    for turn in (CALM, FURIOUS):
        request = {"session": f"example-{turn[:4]}", "message": turn}
        direct, through = (curl(server.url + "/chat", request) for server in (bot, proxy))
        if turn is CALM:
            assert through.body == direct.body
        else:
            assert inserted(direct.body, through.body)
            acknowledged(direct.json["reply"], through.json["reply"])


@pytest.mark.parametrize("name", replay.names("custom-plain", "custom-sse", "custom-ndjson"))
def test_keeps_everything_but_the_opening(replay_proxy, name):
    answer, recorded = ask(replay_proxy, name), replay.body(name)
    assert answer.status == replay.entry(name)["response"]["status"]
    if replay.entry(name)["_affect"] in ("calm", "none"):
        assert answer.body == recorded
        return
    inserted(recorded, answer.body)
    assert words(answer.body).endswith(words(recorded))
