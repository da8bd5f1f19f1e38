"""The recorded exchanges of tests/fixtures, replayed chunk for chunk behind the real binary."""

import json
from urllib.parse import urlsplit

import pytest
import replay
from harness import acknowledged, curl, inserted, reply_texts, without_text

CHAT = replay.names("litellm-plain", "litellm-stream", "aimock-plain", "aimock-stream")
UNTOUCHED = replay.names("litellm-untouched")
# Machine-readable, already begun, or no text at all: not a byte may change, whatever the user feels.
LEFT_ALONE = {"undeclared-json", "code-fence", "prefill", "json-mode", "tool-call-only", "relayed-tool-call", "rate-limited"}
# One acknowledgment in front of one text.
ACKNOWLEDGED = {"furious", "furious-usage", "content-parts", "unicode-reply"}


def ask(server, name: str):
    """The recorded request, sent through undertone; the recorded reply is what the bot says."""
    request = replay.entry(name)["request"]
    url = urlsplit(request["url"])
    accept = next(header["value"] for header in request["headers"] if header["name"] == "Accept")
    body = request.get("postData", {}).get("text")
    return curl(server.url + url.path, body, "-H", f"x-fixture: {name}", "-H", f"Accept: {accept}", stream=True, method=request["method"])


def messages(name: str, body: bytes) -> list[dict]:
    kind = replay.entry(name)["response"]["content"]["mimeType"]
    if not kind.startswith("text/event-stream"):
        return [json.loads(body)]
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


@pytest.mark.parametrize("name", UNTOUCHED)
def test_passes_untouched(replay_proxy, name):
    answer = ask(replay_proxy, name)
    assert answer.status == replay.entry(name)["response"]["status"]
    assert answer.body == replay.body(name)


@pytest.mark.parametrize("name", CHAT)
def test_keeps_everything_but_the_opening(replay_proxy, name):
    answer, recorded = ask(replay_proxy, name), replay.body(name)
    of, affect = name.partition("/")[2], replay.entry(name)["_affect"]
    assert answer.status == replay.entry(name)["response"]["status"]
    if of in LEFT_ALONE or (affect == "calm" and not of.startswith("bot-gushes")):
        assert answer.body == recorded
        return

    direct, through = messages(name, recorded), messages(name, answer.body)
    assert without_text(through) == without_text(direct)
    assert answer.undertone.action
    if of.startswith("bot-gushes"):
        # The opener may be softened; what the user needs to know may not.
        assert reply_texts(through)[0].endswith("Your refund of $24.90 was sent on 3 May.")
    elif of == "think-tag":
        thought, _, words = reply_texts(direct)[0].partition("</think>")
        text = reply_texts(through)[0]
        assert text.startswith(thought + "</think>") and text.endswith(words), "what the model thinks is not touched"
    else:
        for index, text in reply_texts(direct).items():
            assert reply_texts(through)[index].endswith(text)
    if of in ACKNOWLEDGED and affect == "furious":
        assert inserted(recorded, answer.body)
        acknowledged(reply_texts(direct)[0], reply_texts(through)[0])
        assert answer.undertone.action == "prepend"
