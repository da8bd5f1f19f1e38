"""The gushing opener of a reply to a calm turn goes, and every other byte stays, in every wire format."""

import fixtures
import pytest
from harness import curl


@pytest.mark.parametrize("name", fixtures.names("softened", *fixtures.protocols()))
def test_the_opener_goes_and_the_rest_stays(exchange_proxy, name):
    of = fixtures.exchange(name)
    answer = curl(exchange_proxy.url + of.path, of.request.body, "-H", f"x-exchange: {name}", stream=True)
    assert answer.status == 200
    assert answer.body == of.toned_down != of.body
    assert answer.undertone.action == "soften" or answer.undertone.planned
