"""Every exchange of tests/protocols in front of the real binary: its classifier, its connections, its chunks."""

import fixtures
import pytest
from harness import CALM, FURIOUS, Answer, curl

PROTOCOLS = fixtures.protocols()
# One that breaks off is an error to curl as well.
TOLD = [name for cell in ("plain", "streamed") for name in fixtures.names(cell, *PROTOCOLS) if not fixtures.exchange(name).cut]


def ask(url: str, name: str, turn: str) -> Answer:
    of = fixtures.exchange(name)
    fields = [f"{field}: {value}" for field, value in of.request.headers.items() if field != "content-type"]
    options = [option for field in (*fields, f"x-exchange: {name}") for option in ("-H", field)]
    return curl(url + of.path, of.sent(turn), *options, stream=True)


@pytest.mark.parametrize("name", TOLD)
def test_a_reply_is_acknowledged_wherever_it_is_told(exchange_proxy, name):
    answer = ask(exchange_proxy.url, name, FURIOUS)
    assert len(fixtures.exchange(name).said(answer.body)) == 1
    assert answer.undertone.action == "prepend" and answer.undertone.weight > 0


@pytest.mark.parametrize("name", TOLD)
def test_a_reply_to_a_calm_turn_is_left_alone(exchange_proxy, name):
    answer = ask(exchange_proxy.url, name, CALM)
    assert answer.body == fixtures.exchange(name).body
    assert answer.undertone.action == "none" and (answer.undertone.planned or "reason" in answer.undertone.rest)


@pytest.mark.parametrize("name", fixtures.names("left-alone", *PROTOCOLS))
def test_what_must_not_be_edited_is_not(exchange_proxy, name):
    of = fixtures.exchange(name)
    answer = ask(exchange_proxy.url, name, FURIOUS)
    assert answer.status == int(of.reply.first)
    assert answer.body == of.body
    assert (answer.header("undertone") is None) == (not of.settled)
