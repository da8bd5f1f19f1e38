"""The official `google-genai` client sees a response like any other: through undertone as without it."""

import fixtures
import google.oauth2.credentials
import pytest
from google import genai
from google.genai import errors, types
from harness import CALM, FURIOUS, Said, acknowledged, curl, inserted

SHOP, TOOLS, GUSHING = "litellm/shop", "litellm/relayed/tools", "litellm/gushing"
FAILS = "gemini/an error after the text leaves what was said, and lines end in cr and lf"
# A part without a list around it: the client does not send that.
WITHOUT_LISTS = "gemini/contents and parts may come alone, without a list around them"
TWO_CANDIDATES = ["gemini/both candidates get it", "gemini/as events, both candidates get it"]


def readable(cell: str, stream: bool, settled: str = "") -> list[str]:
    """The exchanges that this client can have: it asks for events, never for an array."""
    names = fixtures.names(cell, "gemini", settled=settled, stream=stream)
    return [name for name in names if not stream or "alt=sse" in fixtures.exchange(name).path]


PLAIN = [name for name in [*readable("plain", stream=False), SHOP] if name != WITHOUT_LISTS]
STREAMED = [name for name in [*readable("streamed", stream=True), SHOP] if name != FAILS]
ARRAYS = [name for name in fixtures.names("streamed", "gemini") if name not in STREAMED and name != FAILS]


def ask(url: str, name: str, turn: str) -> tuple[genai.Client, dict]:
    options = types.HttpOptions(base_url=url, headers={"x-exchange": name}, timeout=60_000)
    if name.startswith("litellm/"):
        options.api_version = "v1beta"
        return genai.Client(api_key="not-a-key", http_options=options), {"model": name.replace("litellm", "models"), "contents": turn}
    of = fixtures.exchange(name)
    request = of.asked(turn)
    contents, config = request.pop("contents"), request.pop("generationConfig", {}) | request
    request = {"model": "gemini-2.5-flash", "contents": contents, "config": types.GenerateContentConfig.model_validate(config)}
    if "/projects/" in of.path:
        credentials = google.oauth2.credentials.Credentials("not-a-token")
        return genai.Client(vertexai=True, project="shop", location="europe-west1", credentials=credentials, http_options=options), request
    return genai.Client(api_key="not-a-key", http_options=options), request


def whole(url: str, name: str, turn: str) -> list:
    asked, request = ask(url, name, turn)
    return [asked.models.generate_content(**request)]


def streamed(url: str, name: str, turn: str) -> list:
    asked, request = ask(url, name, turn)
    return list(asked.models.generate_content_stream(**request))


def texts(responses) -> dict[int, str]:
    """The text of each candidate, without what the model thought."""
    said: dict[int, str] = {}
    for response in responses:
        for candidate in response.candidates or []:
            parts = candidate.content.parts or []
            index = candidate.index or 0
            said[index] = said.get(index, "") + "".join(part.text or "" for part in parts if not part.thought)
    return said


def dumped(responses) -> bytes:
    return b"\n".join(response.model_dump_json(exclude={"sdk_http_response"}).encode() for response in responses)


def said(responses) -> Said:
    return Said.read(responses[0].sdk_http_response.headers.get("undertone"))


@pytest.mark.parametrize("name", [name for name in PLAIN if name not in TWO_CANDIDATES])
def test_a_response_is_acknowledged_once(pair, name):
    direct, through = (whole(url, name, FURIOUS) for url in pair)
    acknowledged(texts(direct)[0], texts(through)[0])
    assert inserted(dumped(direct), dumped(through))
    assert said(through).action == "prepend" and said(through).weight > 0


@pytest.mark.parametrize("name", [name for name in STREAMED if name not in TWO_CANDIDATES])
def test_a_streamed_response_is_acknowledged_once_and_keeps_its_chunks(pair, name):
    direct, through = (streamed(url, name, FURIOUS) for url in pair)
    acknowledged(texts(direct)[0], texts(through)[0])
    assert inserted(dumped(direct), dumped(through))
    assert len(through) == len(direct)
    assert said(through).action == "prepend" and said(through).planned


@pytest.mark.parametrize("name", TWO_CANDIDATES)
def test_each_of_two_candidates_is_acknowledged(pair, name):
    ask_it = streamed if fixtures.exchange(name).chunks else whole
    direct, through = (ask_it(url, name, FURIOUS) for url in pair)
    assert len(through) == len(direct)
    acknowledgments = {acknowledged(texts(direct)[index], texts(through)[index]) for index in (0, 1)}
    assert len(acknowledgments) == 1


@pytest.mark.parametrize("name", ARRAYS)
def test_a_stream_that_is_one_array_gets_one_insertion(pair, name):
    of = fixtures.exchange(name)
    direct, through = (curl(url + of.path, of.asked(FURIOUS), "-H", f"x-exchange: {name}", stream=True) for url in pair)
    assert direct.body == of.body
    assert inserted(direct.body, through.body)
    assert through.undertone.action == "prepend"


@pytest.mark.parametrize("name", PLAIN)
def test_a_response_to_a_calm_turn_is_left_alone(pair, name):
    direct, through = (whole(url, name, CALM) for url in pair)
    assert dumped(through) == dumped(direct)
    assert said(through).action == "none" and "reason" in said(through).rest


@pytest.mark.parametrize("name", STREAMED)
def test_a_streamed_response_to_a_calm_turn_is_left_alone(pair, name):
    direct, through = (streamed(url, name, CALM) for url in pair)
    assert dumped(through) == dumped(direct)


@pytest.mark.parametrize("name", [*readable("softened", stream=False), GUSHING])
def test_a_gushing_opener_goes(pair, name):
    direct, through = (whole(url, name, fixtures.CALM) for url in pair)
    assert inserted(dumped(through), dumped(direct)) == fixtures.OPENER.encode()


@pytest.mark.parametrize("name", [*readable("softened", stream=True), GUSHING])
def test_a_gushing_opener_goes_from_a_stream(pair, name):
    direct, through = (streamed(url, name, fixtures.CALM) for url in pair)
    assert texts(direct)[0] == fixtures.OPENER + texts(through)[0]
    assert len(through) == len(direct)


@pytest.mark.parametrize("name", [*readable("left-alone", stream=False, settled="tool-call"), TOOLS])
def test_function_calls_arrive_whole(pair, name):
    direct, through = (whole(url, name, FURIOUS) for url in pair)
    assert dumped(through) == dumped(direct)
    assert through[0].function_calls


@pytest.mark.parametrize("name", readable("left-alone", stream=True, settled="tool-call"))
def test_streamed_function_calls_arrive_whole(pair, name):
    direct, through = (streamed(url, name, FURIOUS) for url in pair)
    assert dumped(through) == dumped(direct)
    assert through[0].function_calls


@pytest.mark.parametrize("name", [FAILS])
def test_an_error_after_the_text_is_the_bots_own(pair, name):
    shown = []
    for url in pair:
        asked, request = ask(url, name, FURIOUS)
        responses = []
        with pytest.raises(errors.APIError):
            for response in asked.models.generate_content_stream(**request):
                responses.append(response)
        shown.append(texts(responses)[0])
    acknowledged(*shown)
