"""The methods that look twice, on the drawn benchmark: offline, better than a sum, no dearer than said."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from likebut.pipeline import benchmarks
from likebut.pipeline.asking.budget import Budget
from likebut.pipeline.asking.ledger import total
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.evaluation.planning import estimate_run
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup

# Each with the most calls a query that its own numbers allow, captions of hits apart.
RECIPES = {
    "wiser": 1 + 3 + 50 + 1 + 3 + 50,
    "autocir": 1 + 3 + 1 + 3,
    "imagescope": 1 + 3 + (1 + 5 * 20) + 3,
    "square": 1 + 3 + 1,
    "grb-lcr": 1 + 3 + (1 + 5 * 20),
    "mcot-re": 1 + 3,
    "inquire": 1 + 3 + 100,
    "cotrr": 1 + 3 + 1,
}
PICTURES = 100


class Ran(NamedTuple):
    """One run: its mAP@10, calls a query as it counts them, calls made, and the dry run's at most."""

    precision: float
    each: float
    made: int
    most: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    folder = tmp_path_factory.mktemp("looks")
    benchmark = benchmarks.load("pocket", folder / "data", pictures=PICTURES, queries=10, seed=5)
    found = {}
    for name in ("image+text", *RECIPES):
        # The first ones have a cache of their own: nothing makes them cheaper than was said.
        cache = folder / f"{name if name in ('wiser', 'imagescope') else 'shared'}.sqlite"
        setup = Setup(name, "pocket", cache=cache)
        budget = Budget()
        composer = assemble(setup, budget)
        place = folder / name
        asked = estimate_run(benchmark, benchmark.cases, assemble(setup, dry=True), place)
        Evaluation(benchmark, benchmark.cases, composer, place, folder / "index").run({})
        summary = runs.summary(runs.open_run(place))
        found[name] = Ran(
            summary["metrics"]["mAP@10"]["mean"],
            summary["calls"] / summary["queries"],
            total(budget.ledger.tallies).calls,
            sum(row.most_calls for row in asked.rows),
        )
        assert not summary["errors"]
    return found


@pytest.mark.parametrize("name", list(RECIPES))
def test_no_method_is_below_the_sum_of_picture_and_sentence(ran: dict[str, Ran], name: str) -> None:
    assert ran[name].precision > ran["image+text"].precision


@pytest.mark.parametrize("name", list(RECIPES))
def test_calls_are_within_the_recipes_numbers_and_the_dry_run(ran: dict[str, Ran], name: str) -> None:
    assert ran[name].each <= RECIPES[name]
    assert 0 < ran[name].made <= ran[name].most


def test_a_second_look_asks_judges_and_says_so(ran: dict[str, Ran]) -> None:
    assert ran["square"].each == 3  # caption, target caption, one order
    assert ran["inquire"].each == 2 + PICTURES - 1  # the reference is left out
    assert 52 <= ran["wiser"].each < RECIPES["wiser"]
