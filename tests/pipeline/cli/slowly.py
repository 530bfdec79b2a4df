"""Engines that take their time in the workers of Ray, so that something can happen meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from likebut.pipeline.asking.afar import Wanted
from likebut.pipeline.engines.contract import Engine, Request
from likebut.pipeline.records.chat import Reply


class Slowly(Wanted):
    """The engine, asked one thing after the other with a pause before each."""

    def load(self) -> Any:
        return _Slow(super().load())


class _Slow:
    sees = True

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def generate(self, requests: Sequence[Request], on_reply: Any = None) -> list[Reply]:
        replies = []
        for request in requests:
            time.sleep(0.2)
            replies += self.engine.generate([request])
        return replies
