"""The servers the tests share. Each starts once."""

import shutil
import sys
from pathlib import Path

import pytest

import fixtures
import harness
import replay


def pytest_sessionstart(session):
    if session.config.option.collectonly:
        return
    if not harness.UNDERTONE.is_file():
        pytest.exit(f"{harness.UNDERTONE} is not there: run `cargo build`, or set UNDERTONE_BIN", returncode=2)
    if shutil.which("curl") is None:
        pytest.exit("curl is not installed", returncode=2)


def pytest_report_header():
    return f"undertone: {harness.UNDERTONE} serve {' '.join(harness.SERVE_OPTIONS)}"


@pytest.fixture(scope="session")
def bot():
    """examples/python_bot.py: what the README shows."""
    port = harness.free_port()
    with harness.running("python-bot", [sys.executable, harness.ROOT / "examples" / "python_bot.py", port], port) as server:
        yield server


@pytest.fixture(scope="session")
def litellm():
    """LiteLLM's proxy. It takes some ten seconds to start."""
    port = harness.free_port()
    command = [Path(sys.executable).with_name("litellm"), "--config", Path(__file__).with_name("litellm.yaml"),
               "--host", "127.0.0.1", "--port", port]
    # No price list from the network, no telemetry, and no key: it listens on the loopback interface only.
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False",
           "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true", "ITSELF": f"http://127.0.0.1:{port}/v1"}
    with harness.running("litellm", command, port, seconds=180, env=env) as server:
        yield server


@pytest.fixture(scope="session")
def recordings():
    """A server that replays tests/fixtures."""
    with replay.serving(replay.Replay) as url:
        yield url


@pytest.fixture(scope="session")
def exchanges():
    """A server that answers with the exchanges of tests/protocols."""
    with replay.serving(fixtures.Fixtures) as url:
        yield url


@pytest.fixture(scope="session")
def proxy(bot):
    """undertone in front of examples/python_bot.py."""
    with harness.undertone(bot.url) as server:
        yield server


@pytest.fixture(scope="session")
def litellm_proxy(litellm):
    """undertone in front of LiteLLM's proxy."""
    with harness.undertone(litellm.url) as server:
        yield server


@pytest.fixture(scope="session")
def replay_proxy(recordings):
    """undertone in front of the recorded servers."""
    with harness.undertone(recordings) as server:
        yield server


@pytest.fixture(scope="session")
def exchange_proxy(exchanges):
    """undertone in front of the exchanges of tests/protocols."""
    with harness.undertone(exchanges) as server:
        yield server


@pytest.fixture
def pair(request, name):
    """Who answers as `name` says, an exchange or a model of LiteLLM's: without undertone, and through it."""
    if name.startswith("litellm/"):
        return request.getfixturevalue("litellm").url, request.getfixturevalue("litellm_proxy").url
    return request.getfixturevalue("exchanges"), request.getfixturevalue("exchange_proxy").url
