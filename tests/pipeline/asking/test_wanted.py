"""Models stop after a reply that nobody waits for; it is kept all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.asking.wanted import Unwanted, as_long_as, check_wanted
from likebut.pipeline.engines.contract import EngineSpec, OnReply, Request
from likebut.pipeline.records.chat import Message, Reply


class Counting:
    """Answers one after the other, and knows how many it has answered."""

    sees = False
    answered = 0

    def generate(self, requests: list[Request], on_reply: OnReply | None = None) -> list[Reply]:
        for place in range(len(requests)):
            self.answered += 1
            assert on_reply
            on_reply(place, Reply(f"answer {place}"))
        return [Reply(f"answer {place}") for place in range(len(requests))]


def test_the_reply_that_comes_when_nobody_waits_is_the_last_and_is_kept(tmp_path: Path) -> None:
    engine = Counting()
    cached = CachedEngine(EngineSpec("given", "m"), Cache(tmp_path / "c"), engine)  # type: ignore[arg-type]
    requests = [Request((Message("user", text),)) for text in "abcd"]
    with pytest.raises(Unwanted), as_long_as(lambda: engine.answered < 2):
        cached.generate(requests)
    assert engine.answered == 2
    replies = cached.generate(requests)
    assert [reply.cached for reply in replies] == [True, True, False, False]


def test_outside_of_such_a_block_everything_is_wanted() -> None:
    check_wanted()
    with as_long_as(lambda: False):
        with as_long_as(lambda: True):
            check_wanted()
        with pytest.raises(Unwanted):
            check_wanted()
    check_wanted()
