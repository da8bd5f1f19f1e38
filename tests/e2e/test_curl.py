"""What curl sees, byte for byte."""

import pytest
from harness import CALM, FURIOUS, acknowledged, chat, curl, inserted, reply_texts, settled

PATH = "/v1/chat/completions"
MODEL = "gpt-4o-mini"
# Of the hop, or of the moment; `content-length` is compared with the body instead.
MAY_DIFFER = {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "undertone", "via"}


def kept(headers) -> list:
    return [pair for pair in headers if pair[0] not in MAY_DIFFER]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_calm_turn_gets_the_bots_own_bytes(bot, proxy, stream):
    request = chat(MODEL, CALM, stream=stream)
    direct, through = (curl(server.url + PATH, request, stream=stream) for server in (bot, proxy))
    assert settled(through.body) == settled(direct.body)
    assert through.status == direct.status == 200
    assert kept(through.headers) == kept(direct.headers)
    assert through.undertone.action == "none" and "reason" in through.undertone.rest


def test_a_furious_turn_gets_one_insertion(bot, proxy):
    request = chat(MODEL, FURIOUS)
    direct, through = (curl(server.url + PATH, request) for server in (bot, proxy))
    assert inserted(settled(direct.body), settled(through.body))
    acknowledged(reply_texts([direct.json])[0], reply_texts([through.json])[0])
    assert kept(through.headers) == kept(direct.headers)
    if length := through.header("content-length"):
        assert int(length) == len(through.body)
    assert through.undertone.action == "prepend"
    assert through.undertone.weight > 0
    assert through.undertone.rest["emotion"]


def test_a_furious_turn_gets_one_insertion_in_a_stream(bot, proxy):
    request = chat(MODEL, FURIOUS, stream=True)
    direct, through = (curl(server.url + PATH, request, stream=True) for server in (bot, proxy))
    assert inserted(settled(direct.body), settled(through.body))
    acknowledged(reply_texts(direct.events)[0], reply_texts(through.events)[0])
    assert len(through.events) == len(direct.events)
    assert through.body.rstrip().endswith(b"data: [DONE]") == direct.body.rstrip().endswith(b"data: [DONE]")
    assert "content-length" not in dict(through.headers)
    assert kept(through.headers) == kept(direct.headers)
    assert through.undertone.action == "prepend"


def test_the_header_says_nothing_of_what_the_user_wrote(proxy):
    through = curl(proxy.url + PATH, chat(MODEL, FURIOUS + " My name is Winterbottom."))
    assert "winterbottom" not in str(through.headers).lower()
    assert "winterbottom" not in proxy.said().lower()


@pytest.mark.parametrize("path, body, method", [
    ("/", None, "GET"),
    ("/no/such/path?a=1&a=2", None, "GET"),
    (PATH, "{not json", "POST"),
    (PATH, None, "GET"),
    ("/talk", {"text": FURIOUS}, "POST"),
])
def test_what_is_no_chat_exchange_passes_untouched(bot, proxy, path, body, method):
    direct, through = (curl(server.url + path, body, method=method) for server in (bot, proxy))
    assert through.status == direct.status
    assert settled(through.body) == settled(direct.body)
    assert kept(through.headers) == kept(direct.headers)


def test_litellm_through_undertone_says_the_same_and_more(litellm, litellm_proxy):
    request = chat("shop", FURIOUS, stream=True, stream_options={"include_usage": True})
    direct, through = (curl(server.url + PATH, request, stream=True) for server in (litellm, litellm_proxy))
    assert inserted(settled(direct.body), settled(through.body))
    acknowledged(reply_texts(direct.events)[0], reply_texts(through.events)[0])
