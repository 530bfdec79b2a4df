"""i-CIR: its two layouts, and its numbers against numbers by hand and the official formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline import benchmarks
from likebut.pipeline.benchmarks.records import Case
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.evaluation import compare, judging, metrics, runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.tuning.pools import Metric
from tests.pipeline.benchmarks.conftest import picture
from tests.pipeline.colours import COLOURS, colour_composer

# Three queries of two instances: a mug with two texts, a bear with one.
QUERIES = ["query/mug.png,blue,mug", "query/mug.png,red,mug", "query/bear.png,green,bear"]
DATABASE = [
    "database/mug/red.png,red,mug",
    "database/mug/grey.png,blue,mug",
    "database/mug/blue.png,negative,mug",
    "database/bear/green.png,green,bear",
    "database/bear/red.png,negative,bear",
]


def laid_out(folder: Path, lists: str = "", prefix: str = "icir/") -> Path:
    """The official folder, its lists in ``lists`` and their paths beginning with ``prefix``."""
    home = folder / "icir"
    for row in (*QUERIES, *DATABASE):
        name = Path(row.partition(",")[0])
        picture(home / name, COLOURS.get(name.stem, (90, 90, 90)))
    for name, rows in (("query_files.csv", QUERIES), ("database_files.csv", DATABASE)):
        path = home / lists / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{prefix}{row}\n" for row in rows))
    return folder


def evaluated(folder: Path, recipe: str, out: Path) -> runs.Run:
    composer = colour_composer(folder, recipe=load_recipe(recipe))
    benchmark = benchmarks.load("icir", laid_out(folder / "data"), allow_missing=True)
    job = Evaluation(benchmark, benchmark.cases, composer, out, folder / "i.index")
    job.run({})
    return runs.open_run(out)


@pytest.mark.parametrize(
    ("lists", "prefix"), [("", "icir/"), ("annotations", ""), ("annotations", "icir/")]
)
def test_both_official_layouts_give_queries_with_databases_of_their_own(
    tmp_path: Path, lists: str, prefix: str
) -> None:
    found = benchmarks.load("icir", laid_out(tmp_path, lists, prefix), allow_missing=True)
    assert not found.missing
    first, second, third = found.cases
    assert first.reference == second.reference == f"{prefix}query/mug.png"
    assert [len(case.subset) for case in found.cases] == [3, 3, 2]
    assert (first.modification, first.correct) == ("blue", (f"{prefix}database/mug/grey.png",))
    assert third.correct == (f"{prefix}database/bear/green.png",)
    assert not any(case.reference in case.subset for case in found.cases)


def test_the_folder_itself_may_be_named(tmp_path: Path) -> None:
    laid_out(tmp_path)
    assert len(benchmarks.load("icir", tmp_path / "icir", allow_missing=True).cases) == 3


def test_the_numbers_are_means_over_queries_and_over_instances(tmp_path: Path) -> None:
    found = runs.summary(evaluated(tmp_path, "text-only", tmp_path / "run"))["metrics"]
    # "blue" finds the negative blue.png first, and the right picture, a grey mug, second.
    perfect = 1 / (1 + 1e-5)
    assert found["mAP"]["n"] == 3
    assert found["mmAP"]["n"] == found["minmAP"]["n"] == 2
    blue = (0 / 1 + 1 / 2) / 2 / (1 + 1e-5)
    assert found["mAP"]["mean"] == pytest.approx((blue + 2 * perfect) / 3, abs=1e-9)
    assert found["mmAP"]["mean"] == pytest.approx(((blue + perfect) / 2 + perfect) / 2)
    assert found["minmAP"]["mean"] == pytest.approx((blue + perfect) / 2)
    assert found["Recall@1"]["mean"] == pytest.approx(2 / 3)


def test_two_runs_are_compared_by_instances_too(tmp_path: Path) -> None:
    first = evaluated(tmp_path / "a", "text-only", tmp_path / "text")
    second = evaluated(tmp_path / "b", "image-only", tmp_path / "image")
    found = {one.metric: one for one in compare.differences(first, second)}
    assert (found["mAP"].n, found["mmAP"].n) == (3, 2)
    means = [runs.summary(run)["metrics"]["mmAP"]["mean"] for run in (first, second)]
    assert (found["mmAP"].first, found["mmAP"].second) == pytest.approx(means)
    gained, lost = compare.changes(first, second, "mAP")
    assert {one.id for one in (*gained, *lost)} <= {"0", "1", "2"}


def official_ap(right: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """The area as the paper's scorer takes it, by its definition: from places that count from 0."""
    places = np.flatnonzero(right)
    found = np.arange(len(places))
    before = np.where(places == 0, 1.0, found / np.maximum(places, 1))
    after = (found + 1) / (places + 1)
    return float(((before + after) / (2 * (len(places) + 1e-5))).sum())


def test_average_precision_is_the_area_by_trapezoids() -> None:
    # Right at ranks 1 and 3: (1 + 1)/2, then (1/2 + 2/3)/2; of two.
    assert metrics.average_precision([True, False, True], 2) == pytest.approx(
        (1 + 7 / 12) / (2 + 1e-5), abs=1e-12
    )
    # Right at rank 2 alone: (0 + 1/2)/2 of one.
    assert metrics.average_precision([False, True], 1) == pytest.approx(0.25 / (1 + 1e-5), abs=1e-12)
    assert metrics.average_precision([], 4) == metrics.average_precision([False], 0) == 0.0


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_average_precision_is_that_of_the_official_formula(flags: list[bool]) -> None:
    assert metrics.average_precision(flags, sum(flags)) == pytest.approx(
        official_ap(np.array(flags)), abs=1e-9
    )


def test_the_last_place_of_a_database_counts() -> None:
    """A gallery of the query's own is ranked whole, however many pictures the benchmark has."""
    case = Case("0", "mug", "blue", ("grey",), ("grey",), ("blue", "grey", "red"), ("mug",))
    rules = benchmarks.reader("icir").protocol()
    last = judging.score(case, rules, [("blue", 3.0), ("red", 2.0), ("grey", 1.0)], whole=False)
    assert last["mAP"] == pytest.approx((0 / 2 + 1 / 3) / 2 / (1 + 1e-5))


def test_a_line_that_is_cut_is_named(tmp_path: Path) -> None:
    folder = laid_out(tmp_path)
    (folder / "icir" / "database_files.csv").write_text("icir/database/mug/red.png,red,mug\nicir/data\n")
    with pytest.raises(InputError, match=r"database_files\.csv, line 2: 3 values between commas"):
        benchmarks.load("icir", folder, allow_missing=True)


def test_a_query_that_nothing_answers_is_named(tmp_path: Path) -> None:
    folder = laid_out(tmp_path)
    (folder / "icir" / "query_files.csv").write_text("icir/query/mug.png,purple,mug\n")
    with pytest.raises(InputError, match=r"query_files\.csv, line 1: nothing in the database fits"):
        benchmarks.load("icir", folder, allow_missing=True)


def test_a_missing_list_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no list at") as caught:
        benchmarks.load("icir", tmp_path)
    assert "--data" in caught.value.hint


def test_the_official_count_of_queries_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"3 queries of 1,883"):
        benchmarks.load("icir", laid_out(tmp_path))


def test_weights_are_tuned_for_numbers_at_a_place_only() -> None:
    rules = benchmarks.reader("icir").protocol()
    with pytest.raises(ConfigError, match="weights are not tuned for mAP"):
        Metric.of("mAP", rules)
    assert Metric.of("Recall@1", rules).k == 1
