"""Starting, stopping, and a bot that is not there."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import harness
import pytest
import replay
from harness import CALM, FURIOUS, chat, curl

PATH = "/v1/chat/completions"


@pytest.fixture
def gate():
    """A bot that stops in the middle of its stream, and undertone in front of it."""
    gate = replay.Gate()
    with replay.serving(gate.handler()) as url:
        try:
            with harness.undertone(url) as proxy:
                yield gate, proxy
        finally:
            gate.open.set()


def begin(proxy, turn: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse, bytes]:
    """Asks for a stream and reads as far as the gate."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    body = json.dumps(chat("gate", turn, stream=True))
    connection.request("POST", PATH, body, {"Content-Type": "application/json"})
    response, read = connection.getresponse(), b""
    while replay.Gate.START[-1].encode() not in read:
        piece = response.read1()
        assert piece, f"the stream ended after {read!r}"
        read += piece
    return connection, response, read


@pytest.mark.parametrize("turn", [CALM, FURIOUS], ids=["calm", "furious"])
def test_a_stream_is_passed_on_as_it_comes(gate, turn):
    opened, proxy = gate
    connection, response, read = begin(proxy, turn)
    assert not opened.open.is_set(), "the start has arrived while the bot still holds the rest"
    opened.open.set()
    read += response.read()
    text = harness.reply_texts(harness.events(read))[0]
    assert text.endswith("The parcel is on its way.")
    assert (text == "The parcel is on its way.") == (turn is CALM)
    connection.close()


def test_a_client_that_leaves_takes_its_request_to_the_bot_along(gate):
    opened, proxy = gate
    connection, response, _ = begin(proxy, FURIOUS)
    response.close()
    connection.close()
    # A client that closes its end may still wait for its answer: it is given ten seconds for that.
    assert opened.client_left.wait(20), "the bot still writes to a client that is gone"


def test_sigterm_lets_an_open_stream_finish_and_ends_with_0(gate):
    opened, proxy = gate
    connection, response, read = begin(proxy, FURIOUS)
    os.kill(proxy.process.pid, signal.SIGTERM)
    until = time.monotonic() + 10
    while True:  # new connections are refused once the signal has been taken
        try:
            socket.create_connection(("127.0.0.1", proxy.port), timeout=1).close()
        except OSError:
            break
        assert time.monotonic() < until, "undertone still accepts connections after SIGTERM"
        time.sleep(0.05)
    assert proxy.process.poll() is None, "undertone ended with a stream open"
    opened.open.set()
    read += response.read()
    assert read.endswith(b"data: [DONE]\n\n")
    assert harness.reply_texts(harness.events(read))[0].endswith("The parcel is on its way.")
    connection.close()
    assert proxy.process.wait(15) == 0


def test_sigterm_ends_an_idle_proxy_without_settings_with_0(bot):
    with harness.undertone(bot.url, config=None) as proxy:
        # Kept open, as clients keep theirs: a connection nobody uses is no reason to stay.
        kept = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
        kept.request("POST", PATH, json.dumps(chat("any", CALM)), {"Content-Type": "application/json"})
        response = kept.getresponse()
        assert response.status == 200 and response.read()
        os.kill(proxy.process.pid, signal.SIGTERM)
        assert proxy.process.wait(15) == 0
        kept.close()


def test_a_bot_that_goes_away_is_a_502_that_says_so():
    port = harness.free_port()
    bot = [sys.executable, harness.ROOT / "examples" / "python_bot.py", port]
    with harness.running("python-bot", bot, port) as server, harness.undertone(server.url) as proxy:
        assert curl(proxy.url + PATH, chat("any", CALM)).status == 200
        server.stop()
        for request in (chat("any", CALM), chat("any", FURIOUS, stream=True)):
            answer = curl(proxy.url + PATH, request)
            assert answer.status == 502
            assert answer.body == b"undertone: the bot cannot be reached\n", "and not where the bot is"
        with harness.running("python-bot", bot, port):
            assert curl(proxy.url + PATH, chat("any", CALM)).status == 200, "and it recovers"


def test_many_at_once_get_each_their_own_answer(bot, proxy):
    turns = [CALM, FURIOUS] * 16
    expected = {turn: curl(bot.url + PATH, chat("any", turn)).json["choices"][0]["message"]["content"] for turn in set(turns)}
    answers: list = [None] * len(turns)

    def one(at: int) -> None:
        answers[at] = curl(proxy.url + PATH, chat("any", turns[at]))

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(turns))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for turn, answer in zip(turns, answers, strict=True):
        assert answer.status == 200
        text = answer.json["choices"][0]["message"]["content"]
        # Under load a decision may come too late: then the bot's own words, and nothing else.
        assert text == expected[turn] if turn is CALM else text.endswith(expected[turn])


def test_a_used_port_is_an_error_that_names_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run(
            [harness.UNDERTONE, "serve", "--upstream", "http://127.0.0.1:9", "--listen", address],
            capture_output=True, text=True, timeout=30, check=False,
        )
    assert ended.returncode != 0
    assert address in ended.stdout + ended.stderr
