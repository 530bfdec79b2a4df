"""The queries of an experiment: those of a run, or those of a file over a gallery of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..benchmarks import jsonl
from ..benchmarks.records import Benchmark, Case, Item
from ..errors import InputError
from ..evaluation import runs
from ..evaluation.evaluate import Evaluation, Failures, sample
from ..evaluation.opened import Opened
from ..evaluation.sources import Source, Texts, index_beside
from ..records.keys import file_hash
from ..records.lines import read_lines
from ..records.queries import parse_query
from ..stages.composer import Composer

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class RunQueries:
    """The queries of a run, over its gallery and under its protocol."""

    folder: Path
    source: Source
    benchmark: Benchmark
    texts: Texts | None
    cases: tuple[Case, ...]

    @classmethod
    def of(cls, folder: Path, source: Source) -> RunQueries:
        """Raises InputError where the data are not there, or not those that the run saw."""
        config = runs.read_config(folder)
        benchmark, texts = source.load()
        if json.loads(json.dumps(benchmark.protocol.to_json())) != config["protocol"]:
            raise InputError(
                f"{folder} was made under another protocol than {benchmark.protocol.title} here",
                "run `likebut eval` again into a new folder",
            )
        count, seed, limit = (config.get(name) for name in ("sample", "seed", "limit"))
        cases = sample(benchmark.cases, count, seed or 0, limit)
        if len(cases) != config["queries"]:
            raise InputError(
                f"{folder} asked {config['queries']:,} queries, its data now give {len(cases):,}",
                "run `likebut eval` again into a new folder",
            )
        return cls(folder, source, benchmark, texts, cases)

    def open(
        self, composer: Composer, count: int | None, seed: int, on_index: OnProgress | None = None
    ) -> tuple[Opened, Failures]:
        """``count`` queries by lot, over the gallery's index for this composer's encoder.

        With it (path, reason) of pictures that failed. Raises what building the index raises.
        """
        fingerprint = composer.encoder.fingerprint
        same = runs.read_config(self.folder)["encoder_fingerprint"] == fingerprint
        beside = index_beside(self.folder, self.benchmark, fingerprint)
        place = self.source.index if same and self.source.index else beside
        cases = sample(self.cases, count, seed, None)
        job = Evaluation(self.benchmark, cases, composer, self.folder, place, self.texts)
        return job.open(on_index)


@dataclass(frozen=True)
class FileQueries:
    """The queries of a JSON-lines file: reference, modification and, where known, targets."""

    path: Path

    def open(self, composer: Composer, count: int | None, seed: int) -> Opened:
        """``count`` queries by lot, over the index that ``composer`` has.

        A reference or target is a path relative to the file, or the id of an item. Raises
        InputError naming a line that is no query, or asks for what is not there.
        """
        index = composer.gallery
        items = {item.row: item for item in index.all_items()}
        captions = None
        if index.identity.reads_captions:
            captions = {i.id: tuple((i.caption or "").split("\n")) for i in items.values()}
        reader = _Reader(self.path, composer, {row: item.id for row, item in items.items()}, {})
        cases = sample(reader.cases(), count, seed, None)
        rules = jsonl.protocol("queries", exclude_reference=composer.recipe.exclude_reference)
        gallery = tuple(Item(item.id, Path(item.path)) for item in items.values())
        benchmark = Benchmark("queries", "all", rules, cases, gallery)
        rows = {item.id: row for row, item in items.items()}
        paths = {item.id: item.path for item in gallery} | reader.outside
        return Opened(benchmark, cases, composer, rows, paths, captions)


@dataclass(frozen=True)
class _Reader:
    """Lines as cases; ``outside``, filled on the way, are references that the gallery lacks."""

    path: Path
    composer: Composer
    ids: dict[int, str]
    outside: dict[str, Path]

    def cases(self) -> list[Case]:
        found: dict[str, Case] = {}
        for number, line in read_lines(self.path, "the queries"):
            case = self._case(line, number)
            if case.id in found:
                raise InputError(f"{self.path}, line {number}: the id {case.id!r} is there twice")
            found[case.id] = case
        if not found:
            raise InputError(
                f"{self.path} holds no query", 'write lines like {"id": "1", "reference": "a.jpg", …}'
            )
        return list(found.values())

    def _case(self, line: str, number: int) -> Case:
        where = f"{self.path}, line {number}"
        query = parse_query(line, number, self.path.parent, str(self.path))
        row: dict[str, Any] = json.loads(line)
        named = row.get("targets") or []
        if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
            raise InputError(f"{where}: targets are a list of paths or ids")
        if query.reference is None or not query.modification.strip():
            raise InputError(
                f"{where}: a prompt is asked about a reference and a modification",
                "give both in every line",
            )
        targets = tuple(dict.fromkeys(self._target(name, where) for name in named))
        reference = self._reference(str(row["reference"]), where)
        kinds = tuple(str(row["kind"]).split("+")) if row.get("kind") else ()
        return Case(query.id, reference, query.modification, targets, targets, aspects=kinds)

    def _target(self, name: str, where: str) -> str:
        row = self._row(name)
        if row is None:
            raise InputError(f"{where}: the target {name} is not in the gallery")
        return self.ids[row]

    def _reference(self, name: str, where: str) -> str:
        """The id of the item that it is, or shows; else the path itself."""
        row, path = self._row(name), self.path.parent / name
        if row is None and path.is_file():
            row = next(iter(self.composer.gallery.rows_of_hash(file_hash(path))), None)
        if row is not None:
            return self.ids[row]
        if self.composer.gallery.identity.reads_captions:
            raise InputError(f"{where}: the reference {name} has no captions in the index")
        self.outside[str(path)] = path
        return str(path)

    def _row(self, name: str) -> int | None:
        row = self.composer.gallery.row_of(self.path.parent / name)
        return row if row is not None else self.composer.gallery.row_of(name)
