"""What the page of a comparison shows of each query: answers side by side, and what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..records.trace import Hit, Trace

if TYPE_CHECKING:
    from .comparison import Comparison, Moved
    from .trial import Exhibits, Trial

SHOWN = 5  # hits of an answer


@dataclass(frozen=True)
class ItemView:
    """One item of the gallery: its thumbnail (a relative address, or ""), or its captions."""

    id: str
    picture: str
    captions: tuple[str, ...]


@dataclass(frozen=True)
class HitView:
    """A hit, and how it stands against its place under the baseline.

    ``change`` is "up", "down", "new" or "" (the same, or the baseline itself); ``moved`` says it in
    words, and ``judged`` what a judge thinks of it and where it was until then.
    """

    rank: int
    item: ItemView
    correct: bool
    change: str
    moved: str
    judged: str = ""


@dataclass(frozen=True)
class AnswerView:
    """What one variant made of a query. ``change`` is "better", "worse" or ""."""

    variant: str
    trace: Trace
    hits: tuple[HitView, ...]
    place: str
    change: str
    moved: str


@dataclass(frozen=True)
class QueryView:
    """One query; ``better`` and ``worse`` hold the numbers of variants, from 1, "trouble" too."""

    id: str
    modification: str
    reference: ItemView
    targets: tuple[ItemView, ...]
    answers: tuple[AnswerView, ...]
    better: tuple[int, ...]
    worse: tuple[int, ...]
    trouble: tuple[int, ...]


class Shelf:
    """Items as they are shown; a picture's thumbnail is written once."""

    def __init__(self, gallery: Exhibits, thumbnails: Thumbnails) -> None:
        self.gallery, self.thumbnails = gallery, thumbnails

    def item(self, ident: str, path: str = "") -> ItemView:
        """The item, by the picture that the gallery knows, or ``path``."""
        picture = self.gallery.pictures.get(ident) or (Path(path) if path else None)
        captions = tuple(self.gallery.captions.get(ident, ()))
        address = self.thumbnails.address(picture) if picture and not captions else ""
        return ItemView(ident, address, captions)


class Thumbnails:
    """Thumbnails of pictures in a folder beside the page, by relative address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, str] = {}

    def address(self, picture: Path) -> str:
        """ "thumbs/NAME.webp", or "" for a picture that cannot be read."""
        if picture not in self._known:
            self._known[picture] = self._write(picture)
        return self._known[picture]

    def _write(self, picture: Path) -> str:
        from ..records.keys import content_key
        from ..report.pages import small_picture

        data = small_picture(str(picture))
        if not data:
            return ""
        name = f"{content_key(path=str(picture))[:16]}.webp"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(data)
        return f"{self.folder.name}/{name}"


def query_views(comparison: Comparison, thumbnails: Thumbnails, limit: int) -> list[QueryView]:
    """The ``limit`` queries that moved furthest under any variant, those that moved most first."""
    from heapq import nlargest

    moved: dict[str, dict[str, Moved]] = {}
    for name, moves in comparison.moves.items():
        for move in moves:
            moved.setdefault(move.id, {})[name] = move
    order = {result.case.id: n for n, result in enumerate(comparison.baseline.run.results)}
    chosen = nlargest(limit, order, key=lambda ident: (_distance(moved.get(ident, {})), -order[ident]))
    shelves = [Shelf(trial.gallery, thumbnails) for trial in comparison.trials]
    ranked = [trial.ranked() for trial in comparison.trials]
    return [
        _query(comparison, order[ident], moved.get(ident, {}), shelves, [one[ident] for one in ranked])
        for ident in chosen
    ]


def _distance(moves: Mapping[str, Moved]) -> tuple[float, float]:
    """The longest way under any variant, up or down."""
    gains = [move.gain for move in moves.values()]
    return max(((abs(value), abs(place)) for value, place in gains), default=(0.0, 0.0))


def _query(
    comparison: Comparison,
    place: int,
    moves: Mapping[str, Moved],
    shelves: Sequence[Shelf],
    ranked: Sequence[Sequence[str]],
) -> QueryView:
    case = comparison.baseline.run.results[place].case
    answers = tuple(
        _answer(trial, place, moves.get(trial.variant.name), shelf, ids, ranked[0])
        for trial, shelf, ids in zip(comparison.trials, shelves, ranked, strict=True)
    )
    numbers = list(enumerate(answers, 1))
    return QueryView(
        case.id,
        case.modification,
        shelves[0].item(case.reference),
        tuple(shelves[0].item(target) for target in case.targets[:SHOWN]),
        answers,
        better=tuple(n for n, answer in numbers if answer.change == "better"),
        worse=tuple(n for n, answer in numbers if answer.change == "worse"),
        trouble=tuple(n for n, a in numbers if a.trace.error or a.trace.intent.fallback),
    )


def _answer(
    trial: Trial, place: int, move: Moved | None, shelf: Shelf, ids: Sequence[str], baseline: Sequence[str]
) -> AnswerView:
    trace, case = trial.traces[place], trial.run.results[place].case
    paths: dict[str, Hit] = dict(zip(ids, trace.ranking.hits, strict=False))
    hits = tuple(
        HitView(
            rank,
            shelf.item(ident, paths[ident].path if ident in paths else ""),
            ident in case.correct or ident in case.targets,
            *_hit_change(rank, ident, baseline),
            _judged(paths.get(ident)),
        )
        for rank, ident in enumerate(ids[:SHOWN], 1)
    )
    change, moved = _change(move, len(baseline), len(ids))
    best = trial.places.get(case.id)
    return AnswerView(trial.variant.name, trace, hits, _place(best, len(ids)), change, moved)


def _judged(hit: Hit | None) -> str:
    if hit is None or hit.judged is None:
        return ""
    was = f" · was {hit.before}" if hit.before not in (0, hit.rank) else ""
    return f"judge {100 * hit.judged:.0f} %{was}"


def _place(best: int | None, depth: int) -> str:
    if best is None:
        return ""
    return str(best) if best <= depth else f"beyond {depth}"


def _change(move: Moved | None, before: int, after: int) -> tuple[str, str]:
    """How the query moved, in one word and in a few."""
    if move is None or move.gain == (0.0, 0.0):
        return "", ""
    change = "better" if move.gain > (0.0, 0.0) else "worse"
    if move.before is None or move.after is None:
        return change, f"{move.second - move.first:+.3f}"
    return change, f"{_place(move.before, before)} → {_place(move.after, after)}"


def _hit_change(rank: int, ident: str, baseline: Sequence[str]) -> tuple[str, str]:
    if ident not in baseline:
        return "new", "new" if baseline else ""
    gone = baseline.index(ident) + 1 - rank
    if not gone:
        return "", ""
    return ("up", f"▲ {gone}") if gone > 0 else ("down", f"▼ {-gone}")
