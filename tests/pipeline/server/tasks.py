"""Tasks for the models' process that need no model; another process imports them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likebut.indexes.errors import BadImage
from likebut.pipeline.errors import ModelError

Tell = Callable[[Any], None]


@dataclass(frozen=True)
class Count:
    """Tells 1 to ``to``; gives the sum, and its process. Writes each number down before it is told."""

    to: int
    written: Path | None = None
    pause: float = 0.0

    def run(self, held: Any, tell: Tell) -> tuple[int, int]:
        for number in range(1, self.to + 1):
            time.sleep(self.pause)
            if self.written:
                self.written.write_text(str(number))
            tell(number)
        return sum(range(self.to + 1)), os.getpid()


@dataclass(frozen=True)
class Fail:
    """Raises, or logs, what is wanted."""

    how: str

    def run(self, held: Any, tell: Tell) -> None:
        if self.how == "model":
            raise ModelError("the model is not here", "fetch it")
        if self.how == "picture":
            raise BadImage("x.png", "is no picture")
        if self.how == "bug":
            raise KeyError("a bug")
        logging.getLogger("likebut.pipeline.somewhere").warning("told by %s", "another process")


@dataclass(frozen=True)
class Sleep:
    """Sleeps; the number of a process that it has started meanwhile is told."""

    seconds: float = 60.0

    def run(self, held: Any, tell: Tell) -> None:
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        tell((os.getpid(), started.pid))
        time.sleep(self.seconds)
