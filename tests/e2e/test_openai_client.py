"""The official `openai` client sees a reply like any other: through undertone as without it."""

import openai
import pytest
from harness import CALM, FURIOUS, Said, acknowledged, chat

MODEL = "gpt-4o-mini"


def client(server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="not-a-key", max_retries=0, timeout=60)


@pytest.fixture(scope="module", params=["python-bot", "litellm"])
def pair(request):
    """A client that asks the bot, one that asks through undertone, and the model's name."""
    names = {"python-bot": ("bot", "proxy", MODEL), "litellm": ("litellm", "litellm_proxy", "shop")}[request.param]
    return client(request.getfixturevalue(names[0])), client(request.getfixturevalue(names[1])), names[2]


def whole(asked: openai.OpenAI, **request):
    raw = asked.chat.completions.with_raw_response.create(**request)
    return raw.parse(), raw.headers


def streamed(asked: openai.OpenAI, **request):
    raw = asked.chat.completions.with_raw_response.create(stream=True, **request)
    return list(raw.parse()), raw.headers


def text(chunks) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def shape(chunks) -> list:
    """All of the chunks but their text, id and time."""
    dumped = [chunk.model_dump(exclude={"id", "created"}) for chunk in chunks]
    for chunk in dumped:
        for choice in chunk["choices"]:
            choice["delta"]["content"] = "" if choice["delta"].get("content") else choice["delta"].get("content")
    return dumped


def test_a_furious_turn_is_acknowledged_once_before_the_bots_words(pair):
    direct, through, model = pair
    bare, _ = whole(direct, **chat(model, FURIOUS))
    reply, headers = whole(through, **chat(model, FURIOUS))
    acknowledged(bare.choices[0].message.content, reply.choices[0].message.content)
    assert reply.choices[0].finish_reason == bare.choices[0].finish_reason == "stop"
    assert reply.choices[0].message.role == "assistant"
    assert reply.usage == bare.usage
    said = Said.read(headers.get("undertone"))
    assert said.action == "prepend" and said.weight > 0


def test_a_calm_turn_is_left_alone(pair):
    direct, through, model = pair
    bare, _ = whole(direct, **chat(model, CALM))
    reply, headers = whole(through, **chat(model, CALM))
    assert reply.choices[0].message.content == bare.choices[0].message.content
    said = Said.read(headers.get("undertone"))
    assert said.action == "none" and "reason" in said.rest


def test_a_streamed_reply_keeps_its_chunks(pair):
    direct, through, model = pair
    bare, _ = streamed(direct, **chat(model, FURIOUS))
    chunks, headers = streamed(through, **chat(model, FURIOUS))
    acknowledged(text(bare), text(chunks))
    assert len(chunks) == len(bare)
    assert shape(chunks) == shape(bare)
    assert sum(bool(choice.delta.role) for chunk in chunks for choice in chunk.choices) == 1, "role once"
    assert Said.read(headers.get("undertone")).action == "prepend"


def test_a_streamed_reply_to_a_calm_turn_is_left_alone(pair):
    direct, through, model = pair
    bare, _ = streamed(direct, **chat(model, CALM))
    chunks, headers = streamed(through, **chat(model, CALM))
    assert text(chunks) == text(bare) and shape(chunks) == shape(bare)
    assert Said.read(headers.get("undertone")).action == "none"


def test_usage_comes_at_the_end_of_a_stream_as_asked(pair):
    direct, through, model = pair
    request = chat(model, FURIOUS, stream_options={"include_usage": True})
    bare, _ = streamed(direct, **request)
    chunks, _ = streamed(through, **request)
    assert [chunk.usage for chunk in chunks] == [chunk.usage for chunk in bare]


def test_the_stream_helper_puts_the_reply_together(pair):
    direct, through, model = pair
    finals = []
    for asked in (direct, through):
        with asked.chat.completions.stream(**chat(model, FURIOUS)) as stream:
            pieces = [event.delta for event in stream if event.type == "content.delta"]
            final = stream.get_final_completion()
        assert "".join(pieces) == final.choices[0].message.content
        assert final.choices[0].message.role == "assistant"
        assert final.choices[0].finish_reason == "stop"
        finals.append(final.choices[0].message.content)
    acknowledged(*finals)


def test_tool_calls_arrive_whole(litellm, litellm_proxy):
    direct, through = client(litellm), client(litellm_proxy)
    bare, _ = whole(direct, **chat("tools", FURIOUS))
    reply, _ = whole(through, **chat("tools", FURIOUS))
    assert reply.choices[0].message.tool_calls == bare.choices[0].message.tool_calls != None  # noqa: E711
    assert reply.choices[0].message.content.endswith(bare.choices[0].message.content)


@pytest.mark.parametrize("recording", [
    "aimock-stream/tool-call-only",
    "aimock-stream/text-with-tool-calls",
    "litellm-stream/relayed-tool-call",
    "litellm-stream/relayed-text-then-tool-calls",
])
def test_streamed_tool_calls_are_put_together_by_the_stream_helper(replay_proxy, recording):
    with client(replay_proxy).chat.completions.stream(
        **chat(MODEL, FURIOUS, tools=[{"type": "function", "function": {"name": "find_order", "parameters": {"type": "object"}}}]),
        extra_headers={"x-fixture": recording},
    ) as stream:
        final = stream.get_final_completion()
    arguments = [call.function.arguments for call in final.choices[0].message.tool_calls]
    assert arguments == (['{"id":1042}'] if len(arguments) == 1 else ['{"id":1042}', '{"id":1043}'])
    assert {call.function.name for call in final.choices[0].message.tool_calls} == {"find_order"}


def test_json_mode_stays_json(litellm_proxy):
    reply, headers = whole(client(litellm_proxy), **chat("json", FURIOUS, response_format={"type": "json_object"}))
    assert reply.choices[0].message.content == '{"order": 1042, "status": "shipped"}'
    assert Said.read(headers.get("undertone")).action == "none"


def test_an_error_is_the_bots_own(litellm, litellm_proxy):
    errors = []
    for server in (litellm, litellm_proxy):
        with pytest.raises(openai.BadRequestError) as error:
            whole(client(server), **chat("no-such-model", FURIOUS))
        errors.append(error.value.body)
    assert errors[0] == errors[1]
