"""The official `openai` client reads a response through undertone as without it: what it shows while the reply streams
and what it returns in the end are the same words."""

import openai
import pytest
import replay
from harness import Said, acknowledged

PLAIN, STREAM = "aimock-responses", "aimock-responses-stream"
SPOKEN = ["furious", "history", "reasoning", "sad"]
LEFT_ALONE = ["calm", "pleased", "text-with-tool-calls", "tool-call-only", "json-mode"]


def ask(url: str, file: str, name: str) -> tuple[openai.OpenAI, dict]:
    """A client, and the recorded request; the recorded reply is what the bot says."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="not-a-key", max_retries=0, timeout=60,
                           default_headers={"x-fixture": f"{file}/{name}"})
    request = replay.json.loads(replay.entry(f"{file}/{name}")["request"]["postData"]["text"])
    return client, {key: value for key, value in request.items() if key != "stream"}


def whole(url: str, name: str):
    client, request = ask(url, PLAIN, name)
    raw = client.responses.with_raw_response.create(**request)
    return raw.parse(), raw.headers


def streamed(url: str, name: str) -> tuple[list, str, str]:
    """The events, the text that was shown, and the text of what is returned in the end."""
    client, request = ask(url, STREAM, name)
    with client.responses.stream(**request) as stream:
        events = list(stream)
        shown = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        return events, shown, stream.get_final_response().output_text


@pytest.mark.parametrize("name", SPOKEN)
def test_a_whole_response_is_acknowledged_once(recordings, replay_proxy, name):
    direct, _ = whole(recordings, name)
    through, headers = whole(replay_proxy.url, name)
    acknowledged(direct.output_text, through.output_text)
    assert through.usage == direct.usage and through.status == direct.status
    assert [item.type for item in through.output] == [item.type for item in direct.output]
    assert Said.read(headers.get("undertone")).action == "prepend"


@pytest.mark.parametrize("name", SPOKEN)
def test_what_is_shown_and_what_is_returned_agree(recordings, replay_proxy, name):
    direct, direct_shown, _ = streamed(recordings, name)
    through, shown, returned = streamed(replay_proxy.url, name)
    assert shown == returned
    acknowledged(direct_shown, shown)
    assert [event.type for event in through] == [event.type for event in direct], "no event is added"
    assert [event.sequence_number for event in through] == [event.sequence_number for event in direct]


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_must_not_be_edited_is_not(recordings, replay_proxy, name):
    assert whole(replay_proxy.url, name)[0] == whole(recordings, name)[0]
    assert streamed(replay_proxy.url, name)[1:] == streamed(recordings, name)[1:]
