"""Bot platforms through undertone: real servers and the platforms' own clients, where there are any, and curl."""

import asyncio
import json
import sys
import uuid

import boto3
import fixtures
import harness
import httpx
import pytest
from botocore.config import Config
from dify_client import ChatClient
from flowise import Flowise, PredictionData
from harness import CALM, FURIOUS, Said, acknowledged, curl, inserted
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage
from langserve import RemoteRunnable
from microsoft_agents.activity import Activity, ExpectedReplies
from microsoft_agents.hosting.core import AnonymousTokenProvider
from microsoft_agents.hosting.core.client import HttpAgentChannel

STREAMED = fixtures.names("streamed", "dify", "flowise", "langserve")
UNREADABLE = [name for name in STREAMED if "cannot be read" in name]
# Something spoken that is null: the client does not take that.
NOTHING_SPOKEN = "bot-framework/the first message with words gets it"
# The first words are in SSML: the test looks at the first plain text.
LEX_SSML = "lex/a message in ssml gets it behind the tags, and the one behind it stays"
# What cannot be joined to one text: a content that is a list, and objects that each tell the whole.
LANGSERVE_UNJOINED = [
    "langserve/of a content in parts the text gets it, and a thought keeps its words",
    "langserve/an object that is told anew as it grows gets it each time",
    "langserve/a gushing opener goes from an object each time it has grown",
]
LANGSERVE_FAILS = "langserve/an error after the text leaves what was said"


def told(protocol: str, **more) -> list[str]:
    names = fixtures.names("plain", protocol, **more) + fixtures.names("streamed", protocol, **more)
    return [name for name in names if name not in (*UNREADABLE, LANGSERVE_FAILS, NOTHING_SPOKEN)]


def dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


# Amazon Lex


def lex(url: str, name: str, turn: str) -> tuple[dict, dict]:
    """What the client of Amazon's SDK gets, which signs its requests, and the headers."""
    client = boto3.client(
        "lexv2-runtime", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="not-a-secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-sign.lex-runtime-v2", lambda request, **_: request.headers.add_header("x-exchange", name))
    answer = client.recognize_text(botId="8QWERTY123", botAliasId="TSTALIASID", localeId="en_US", sessionId=uuid.uuid4().hex, text=turn)
    return answer, answer.pop("ResponseMetadata")["HTTPHeaders"]


def lex_text(answer: dict) -> str:
    return next(message["content"] for message in answer["messages"] if message["contentType"] == "PlainText")


@pytest.mark.parametrize("name", [name for name in told("lex") if name != LEX_SSML])
def test_lex_is_acknowledged_in_its_first_plain_text(pair, name):
    (direct, _), (through, headers) = (lex(url, name, FURIOUS) for url in pair)
    acknowledged(lex_text(direct), lex_text(through))
    assert inserted(dumped(direct), dumped(through))
    assert Said.read(headers.get("undertone")).action == "prepend"


@pytest.mark.parametrize("name", told("lex"))
def test_lex_is_left_alone_after_a_calm_turn(pair, name):
    (direct, _), (through, _) = (lex(url, name, CALM) for url in pair)
    assert through == direct


@pytest.mark.parametrize("name", fixtures.names("softened", "lex"))
def test_lex_loses_a_gushing_opener(pair, name):
    (direct, _), (through, _) = (lex(url, name, fixtures.CALM) for url in pair)
    assert inserted(dumped(through), dumped(direct)) == fixtures.OPENER.encode()


# Dify


def dify(url: str, name: str, turn: str) -> list[dict]:
    """The answer, or its events."""
    # The client takes no headers of one's own, so that its key is what names the exchange.
    client = ChatClient(name)
    client.base_url = f"{url}/v1"
    mode = "streaming" if fixtures.exchange(name).chunks else "blocking"
    answer = client.create_chat_message({}, turn, uuid.uuid4().hex, mode)
    answer.raise_for_status()
    if mode == "blocking":
        return [answer.json()]
    return [json.loads(line.removeprefix(b"data: ")) for line in answer.iter_lines() if line.startswith(b"data: ")]


def dify_text(events: list[dict]) -> str:
    return "".join(event["answer"] for event in events if event["event"] in ("message", "agent_message"))


@pytest.mark.parametrize("name", told("dify"))
def test_dify_is_acknowledged_once_and_keeps_its_events(pair, name):
    direct, through = (dify(url, name, FURIOUS) for url in pair)
    acknowledgment = acknowledged(dify_text(direct), dify_text(through))
    assert [event["event"] for event in through] == [event["event"] for event in direct]
    assert dumped(through).decode().replace(f"{acknowledgment} ", "") == dumped(direct).decode()


@pytest.mark.parametrize("name", told("dify"))
def test_dify_is_left_alone_after_a_calm_turn(pair, name):
    direct, through = (dify(url, name, CALM) for url in pair)
    assert through == direct


@pytest.mark.parametrize("name", fixtures.names("softened", "dify"))
def test_dify_loses_a_gushing_opener(pair, name):
    direct, through = (dify(url, name, fixtures.CALM) for url in pair)
    assert dify_text(direct) == fixtures.OPENER + dify_text(through)
    assert len(through) == len(direct)


# Flowise


def flowise(url: str, name: str, turn: str) -> list[dict]:
    """The answer, or its events."""
    asked = PredictionData("3c2c7d4b", turn, chatId=uuid.uuid4().hex, streaming=fixtures.exchange(name).chunks is not None)
    answer = Flowise(url, name).create_prediction(asked)
    return [json.loads(event) if asked.streaming else event for event in answer]


def flowise_text(events: list[dict]) -> str:
    return "".join(event["text"] if "text" in event else event["data"] for event in events if event.get("event", "token") == "token")


@pytest.mark.parametrize("name", told("flowise"))
def test_flowise_is_acknowledged_once_and_keeps_its_events(pair, name):
    direct, through = (flowise(url, name, FURIOUS) for url in pair)
    acknowledged(flowise_text(direct), flowise_text(through))
    assert inserted(dumped(direct), dumped(through))


@pytest.mark.parametrize("name", told("flowise"))
def test_flowise_is_left_alone_after_a_calm_turn(pair, name):
    direct, through = (flowise(url, name, CALM) for url in pair)
    assert through == direct


@pytest.mark.parametrize("name", fixtures.names("softened", "flowise"))
def test_flowise_loses_a_gushing_opener(pair, name):
    direct, through = (flowise(url, name, fixtures.CALM) for url in pair)
    assert flowise_text(direct) == fixtures.OPENER + flowise_text(through)
    assert len(through) == len(direct)


# LangServe


def langserve(url: str, name: str, turn: str) -> list:
    """The output, or the pieces of it."""
    of = fixtures.exchange(name)
    runnable, _, method = of.path.rpartition("/")
    client = RemoteRunnable(url + runnable, headers={"x-exchange": name}, timeout=60)
    asked = of.asked(turn)["input"]
    return list(client.stream(asked)) if method == "stream" else [client.invoke(asked)]


def langserve_text(pieces: list) -> str:
    """The words in the pieces, which are strings, messages, or objects with either of these names."""
    texts = [piece.get("answer", piece.get("output", "")) if isinstance(piece, dict) else piece for piece in pieces]
    return "".join(text if isinstance(text, str) else text.content for text in texts)


@pytest.mark.parametrize("name", [name for name in told("langserve") if name not in LANGSERVE_UNJOINED])
def test_langserve_is_acknowledged_once_and_keeps_its_pieces(pair, name):
    direct, through = (langserve(url, name, FURIOUS) for url in pair)
    acknowledged(langserve_text(direct), langserve_text(through))
    assert inserted(dumps(direct).encode(), dumps(through).encode())
    assert len(through) == len(direct)


@pytest.mark.parametrize("name", told("langserve"))
def test_langserve_is_left_alone_after_a_calm_turn(pair, name):
    direct, through = (langserve(url, name, CALM) for url in pair)
    assert through == direct


@pytest.mark.parametrize("name", [name for name in fixtures.names("softened", "langserve") if name not in LANGSERVE_UNJOINED])
def test_langserve_loses_a_gushing_opener(pair, name):
    direct, through = (langserve(url, name, fixtures.CALM) for url in pair)
    assert langserve_text(direct) == fixtures.OPENER + langserve_text(through)
    assert len(through) == len(direct)


@pytest.mark.parametrize("name", [LANGSERVE_FAILS])
def test_langserve_fails_after_the_text_as_without_undertone(pair, name):
    for url in pair:
        with pytest.raises(httpx.HTTPStatusError):
            langserve(url, name, FURIOUS)


@pytest.fixture(scope="module")
def platforms():
    """LangServe itself, and an agent of the Microsoft 365 Agents SDK."""
    port = harness.free_port()
    with harness.running("platforms", [sys.executable, harness.ROOT / "tests" / "e2e" / "platforms.py", port], port) as server:
        yield server


@pytest.fixture(scope="module")
def platforms_pair(platforms):
    with harness.undertone(platforms.url) as server:
        yield platforms.url, server.url


@pytest.mark.parametrize("path", ["/shop", "/model"])
@pytest.mark.parametrize("asked", [FURIOUS, [HumanMessage(FURIOUS)]], ids=["text", "messages"])
def test_a_langserve_server_is_acknowledged_once(platforms_pair, path, asked):
    direct, through = (RemoteRunnable(url + path, timeout=60) for url in platforms_pair)
    acknowledged(langserve_text([direct.invoke(asked)]), langserve_text([through.invoke(asked)]))
    pieces = [list(runnable.stream(asked)) for runnable in (direct, through)]
    acknowledged(*map(langserve_text, pieces))
    assert len(pieces[0]) == len(pieces[1])


@pytest.mark.parametrize("path", ["/shop", "/model"])
def test_a_langserve_server_is_left_alone_after_a_calm_turn(platforms_pair, path):
    direct, through = (RemoteRunnable(url + path, timeout=60) for url in platforms_pair)
    assert langserve_text([direct.invoke(CALM)]) == langserve_text([through.invoke(CALM)])
    assert langserve_text(list(direct.stream(CALM))) == langserve_text(list(through.stream(CALM)))


# Bot Framework


class ExchangeNamed(AnonymousTokenProvider):
    """The client takes no headers of one's own, so that its token is what names the exchange."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def get_access_token(self, *_) -> str:
        return self.name


def agent(url: str, name: str, turn: str) -> list[Activity]:
    """What an agent answers another one with."""
    conversation = uuid.uuid4().hex
    activity = Activity(
        type="message", id="act-1", text=turn, locale="en-US", channel_id="directline", delivery_mode="expectReplies",
        from_property={"id": "user-1"}, recipient={"id": "bot-1"}, conversation={"id": conversation},
    )
    asked = HttpAgentChannel(ExchangeNamed(name)).post_activity(
        "bot-1", "shop", f"{url}/api/messages", "http://127.0.0.1:1/", conversation, activity, response_body_type=ExpectedReplies)
    answer = asyncio.run(asked)
    assert answer.status == 200
    return answer.body.activities


def agent_text(activities: list[Activity]) -> str:
    return next(activity.text for activity in activities if activity.type == "message" and activity.text)


@pytest.mark.parametrize("name", told("bot-framework", stream=False))
def test_an_agent_is_acknowledged_in_its_first_words(pair, name):
    direct, through = (agent(url, name, FURIOUS) for url in pair)
    acknowledged(agent_text(direct), agent_text(through))
    assert [activity.type for activity in through] == [activity.type for activity in direct]


@pytest.mark.parametrize("name", told("bot-framework", stream=False))
def test_an_agent_is_left_alone_after_a_calm_turn(pair, name):
    direct, through = (agent(url, name, CALM) for url in pair)
    assert through == direct


@pytest.mark.parametrize("name", fixtures.names("softened", "bot-framework", stream=False))
def test_an_agent_loses_a_gushing_opener(pair, name):
    direct, through = (agent(url, name, fixtures.CALM) for url in pair)
    assert agent_text(direct) == fixtures.OPENER + agent_text(through)


def test_an_agent_of_the_sdk_says_and_speaks_the_same_acknowledgment(platforms_pair):
    direct, through = (agent(url, "", FURIOUS) for url in platforms_pair)
    acknowledged(agent_text(direct), agent_text(through))
    assert [activity.type for activity in through] == [activity.type for activity in direct] == ["typing", "message"]
    assert through[1].speak == through[1].text


def test_an_agent_of_the_sdk_is_left_alone_after_a_calm_turn(platforms_pair):
    direct, through = (agent(url, "", CALM) for url in platforms_pair)
    assert agent_text(through) == agent_text(direct)


# Rasa


@pytest.mark.parametrize("query", ["", "?stream=true"], ids=["plain", "stream"])
def test_rasa_is_acknowledged_once_in_a_conversation(exchange_proxy, query):
    name = told("rasa", stream=bool(query))[0]
    url, request = f"{exchange_proxy.url}/webhooks/rest/webhook{query}", {"sender": uuid.uuid4().hex, "message": FURIOUS}
    first, second = (curl(url, request, "-H", f"x-exchange: {name}", stream=True) for _ in range(2))
    assert fixtures.exchange(name).said(first.body)
    assert second.body == fixtures.exchange(name).body
    assert first.undertone.action == "prepend"
    assert second.undertone.action == "none" and second.undertone.rest["reason"] == "cool-down"
