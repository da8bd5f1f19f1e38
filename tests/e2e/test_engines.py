"""The same turn weighs the same whichever engine runs, and the log says which one does."""

import os

import harness
import pytest
from harness import CALM, FURIOUS, chat, curl

PATH = "/v1/chat/completions"
LIBRARY = os.environ.get("ORT_DYLIB_PATH")
TURNS = [CALM, FURIOUS, "I'm so fed up, this has taken three weeks."]


def weights(bot, *options: str) -> tuple[list[float | None], str]:
    with harness.undertone(bot.url, *options) as proxy:
        said = [curl(proxy.url + PATH, chat("any", turn)).undertone for turn in TURNS]
        return [one.weight for one in said], proxy.said()


@pytest.mark.skipif(not LIBRARY, reason="ORT_DYLIB_PATH is not set: scripts/test sets it")
def test_both_engines_weigh_alike(bot):
    with_library, log = weights(bot)
    first = log.lower().splitlines()[0]
    assert "ort" in first or "onnx" in first, f"the first line names the engine: {first}"
    without, log = weights(bot, "--engine", "rten")
    assert "rten" in log.lower().splitlines()[0], log
    assert [w is None for w in with_library] == [w is None for w in without]
    for turn, one, other in zip(TURNS, with_library, without, strict=True):
        assert one is None or one == pytest.approx(other, abs=0.02), turn
