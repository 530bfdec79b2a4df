"""Where the benchmark of a run lies, so that the run's queries can be asked again.

Nothing of it decides a result, so it is kept apart from `run.json`, in `source.json`: a data folder
may move. A path is kept twice, as it was and as it lies from the run folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..benchmarks.records import Benchmark
from ..errors import ConfigError, InputError
from ..records.lines import write_json
from .runs import read_config

SOURCE = "source.json"
Texts = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Source:
    """A benchmark by name and place; ``options`` are those of its protocol.

    With ``captions``, a file, the gallery is these captions. ``index`` is the gallery's index where
    it does not lie beside the run.
    """

    benchmark: str
    data: Path
    split: str = ""
    captions: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    allow_missing: bool = False
    index: Path | None = None

    def load(self) -> tuple[Benchmark, Texts | None]:
        """The benchmark, and the captions that stand for its pictures where they are given.

        Raises ConfigError and InputError.
        """
        from .. import benchmarks

        if self.captions is None:
            return benchmarks.load(
                self.benchmark, self.data, self.split, allow_missing=self.allow_missing, **self.options
            ), None
        from ..benchmarks.captions import in_caption_space, read_captions

        texts = read_captions(self.captions)
        whole = benchmarks.load(
            self.benchmark,
            self.data,
            self.split,
            allow_missing=self.allow_missing,
            annotations_only=True,
            **self.options,
        )
        return in_caption_space(whole, texts, allow_missing=self.allow_missing)

    def keep(self, run: Path) -> None:
        """Write it into a run folder."""
        paths = {"data": self.data, "captions": self.captions, "index": self.index}
        from .. import benchmarks

        drawn = getattr(benchmarks.reader(self.benchmark), "DRAWING", ())
        options = {name: value for name, value in self.options.items() if name not in drawn}
        record = {
            "benchmark": self.benchmark,
            "split": self.split,
            "options": options,
            "allow_missing": self.allow_missing,
            **{name: _both(path, run) for name, path in paths.items()},
        }
        write_json(run / SOURCE, record)


def of_run(run: Path, data: Path | None = None, captions: Path | None = None) -> Source:
    """What ``run`` was made of; ``data`` and ``captions`` stand in for places that have changed.

    Raises InputError where there is no run, or one of an older version and no ``data``.
    """
    import json

    config = read_config(run)
    path = run / SOURCE
    if not path.exists():
        if data is None:
            raise InputError(
                f"{run} does not say where its data lie (an older version made it)",
                "run its `likebut eval` command again: it answers nothing anew; or give --data",
            )
        if captions is None and config["protocol"]["name"].endswith("+captions"):
            raise ConfigError(f"{run} searched captions", "give --captions FILE, too")
        missing = bool(config["missing_pictures"])
        return Source(config["benchmark"], data, config["split"], captions, allow_missing=missing)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = Source(
            record["benchmark"],
            _found(record["data"], run) or Path(),
            record["split"],
            _found(record["captions"], run),
            record["options"],
            record["allow_missing"],
            _found(record["index"], run),
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"cannot read {path}: {problem}") from problem
    return replace(known, data=data or known.data, captions=captions or known.captions)


def index_beside(place: Path, benchmark: Benchmark, fingerprint: str) -> Path:
    """The index folder that the runs of one folder share: one per encoder."""
    kind = "-captions" if benchmark.protocol.name.endswith("+captions") else ""
    return place.parent / f"{benchmark.name}-{benchmark.split}{kind}-{fingerprint[:8]}.index"


def _both(path: Path | None, run: Path) -> list[str] | None:
    return [str(path.absolute()), os.path.relpath(path, run)] if path else None


def _found(pair: list[str] | None, run: Path) -> Path | None:
    """The place that exists, else the one that was."""
    if pair is None:
        return None
    places = [Path(pair[0]), run / pair[1]]
    return next((place for place in places if place.exists()), places[0])
