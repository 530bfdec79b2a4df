"""Portions: as many queries together as the budget surely lasts for, and all where there is none."""

from __future__ import annotations

from pathlib import Path

from likebut.pipeline.asking.budget import Budget, Limits
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.asking.ledger import Spending
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.records.chat import Price
from likebut.pipeline.stages.pacing import needs, portions
from tests.pipeline.colours import colour_composer


def engine(tmp_path: Path, budget: Budget | None, price: float = 1.0) -> CachedEngine:
    account = budget.account("llm", Price(input=price, output=price)) if budget else None
    return CachedEngine(EngineSpec("given", "llm"), Cache(tmp_path / "c.sqlite"), account=account)


def sizes(engines: list[tuple[CachedEngine, int]], count: int = 20, most: int = 8) -> list[int]:
    parts = list(portions(range(count), engines, most))
    assert [item for part in parts for item in part] == list(range(count))
    return [len(part) for part in parts]


def test_without_a_limit_portions_are_whole(tmp_path: Path) -> None:
    assert sizes([(engine(tmp_path, None), 2)]) == [8, 8, 4]
    assert sizes([(engine(tmp_path, Budget()), 2)]) == [8, 8, 4]


def test_calls_are_shared_by_the_engines_of_a_query(tmp_path: Path) -> None:
    """11 calls, of which 1 is spent: for 10 / (1 + 3) = 2 queries in the worst case."""
    budget = Budget(Limits(calls=11))
    budget.ledger.add([Spending("llm", "k")])
    both = [(engine(tmp_path, budget), 1), (engine(tmp_path, budget), 3)]
    assert sizes(both, 4) == [2, 2]
    budget.ledger.add([Spending("llm", "other")] * 10)
    assert sizes(both, 2) == [1, 1]  # what is cached may still be answered


def test_dollars_go_one_by_one_until_a_call_has_shown_what_it_may_cost(tmp_path: Path) -> None:
    front = engine(tmp_path, Budget(Limits(cost=1.0)))
    assert sizes([(front, 2)], 3) == [1, 1, 1]
    assert front.account is not None
    front.account.dearest = 0.125
    assert sizes([(front, 2)], 8) == [4, 4]
    free = engine(tmp_path, Budget(Limits(cost=1.0)), price=0.0)
    assert sizes([(free, 2)]) == [8, 8, 4]


def test_what_a_query_needs_is_read_from_the_recipe(tmp_path: Path) -> None:
    wanted = {
        "likebut": (1, 6),
        "likebut@pocket": (1, 3),
        "image-only": (0, 0),
        "ldre": (15, 45),
        "cotmr": (1, 6),
    }
    for name, counts in wanted.items():
        composer = colour_composer(tmp_path / name, recipe=load_recipe(name))
        found = {need.engine: need.calls for need in needs(composer)}
        asked = [found.get(engine, 0) for engine in (composer.captioner, composer.reasoner)]
        assert tuple(asked) == counts
