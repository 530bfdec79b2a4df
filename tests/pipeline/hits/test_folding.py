"""Near-duplicates are folded under the best hit that they are like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.hits.folding import fold
from likebut.pipeline.hits.picking import Picking
from likebut.pipeline.records.trace import Hit, Query, Ranking, Trace

# angles of rows in the plane: 0°, 10°, 30°, 38°, 90°
VECTORS = [(np.cos(a), np.sin(a)) for a in np.radians([0, 10, 30, 38, 90])]


class Given:
    """An index of given vectors."""

    def take(self, rows: list[int]) -> object:
        return np.array(VECTORS, np.float32)[rows]


def ranking(*rows: int) -> Ranking:
    return Ranking(tuple(Hit(n + 1, row, str(row), f"/g/{row}", 1.0) for n, row in enumerate(rows)))


def shown(found: Ranking) -> list[tuple[int, int, tuple[str, ...]]]:
    return [(hit.rank, hit.row, hit.alike) for hit in found.hits]


def test_a_hit_is_folded_under_the_best_one_that_it_is_like() -> None:
    """cos 12° = 0.978: 0 and 10 are alike, 30 and 38 are, 10 and 30 are not."""
    found = fold(ranking(1, 0, 3, 4, 2), Given(), 0.978)  # type: ignore[arg-type]
    assert shown(found) == [(1, 1, ("/g/0",)), (3, 3, ("/g/2",)), (4, 4, ())]


def test_likeness_is_to_the_leader_and_does_not_wander() -> None:
    """0 and 10, 10 and 30 within 20°, but 30 is 30° from the leader 0: it leads its own."""
    found = fold(ranking(0, 1, 2), Given(), float(np.cos(np.radians(21))))  # type: ignore[arg-type]
    assert shown(found) == [(1, 0, ("/g/1",)), (3, 2, ())]


def test_pages_are_of_leaders() -> None:
    picking = Picking(2, 1, fold=0.978)
    assert picking.depth == 15
    trace = Trace(Query("q"), ranking=ranking(1, 0, 3, 4, 2))
    page = picking.pick(picking.folded(trace, Given()))  # type: ignore[arg-type]
    assert [hit.rank for hit in page.ranking.hits] == [3, 4]
    assert Picking(2).folded(trace, Given()) is trace  # type: ignore[arg-type]


@pytest.mark.parametrize("cosine", [0.0, -0.5, 1.01, float("nan")])
def test_a_cosine_that_says_nothing_is_refused(cosine: float) -> None:
    with pytest.raises(ConfigError, match="--fold"):
        Picking(2, fold=cosine)


def test_alike_hits_are_saved_with_the_trace(tmp_path: Path) -> None:
    from likebut.pipeline.records.traces import trace_from_json, trace_to_json

    hit = Hit(1, 0, "a", str(tmp_path / "a.png"), 1.0, alike=(str(tmp_path / "b.png"),))
    again = trace_from_json(trace_to_json(Trace(Query("q"), ranking=Ranking((hit,)))))
    assert again.ranking.hits == (hit,)
