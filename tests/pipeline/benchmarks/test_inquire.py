"""INQUIRE: both layouts, and its numbers against numbers by hand and its formulas."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from likebut.pipeline import benchmarks
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import InputError
from likebut.pipeline.evaluation import metrics, runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from tests.pipeline.colours import COLOURS, colour_composer

OFFICIAL = Path(__file__).parents[4] / "shared" / "data" / "benchmarks" / "inquire"


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def laid_out(folder: Path) -> Path:
    """Two queries over four pictures, in the official layouts."""
    for name, colour in COLOURS.items():
        for place in ("train", "train_rerank"):
            path = folder / "inat24" / place / "00001_Animalia" / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 16), colour).save(path)
    queries = [
        {
            "": 0,
            "query_id": 3,
            "query_text": "blue",
            "supercategory": "Appearance",
            "iconic_group": "Birds",
        },
        {"": 1, "query_id": 4, "query_text": "red", "supercategory": "Behavior", "iconic_group": "Birds"},
    ]
    table(folder / "inquire" / "inquire_queries_val.csv", queries)
    pairs = [(3, "blue"), (3, "grey"), (4, "red")]
    table(
        folder / "inquire" / "inquire_annotations.csv",
        [
            {"query_id": q, "image_id": n, "image_path": f"train/00001_Animalia/{name}"}
            for n, (q, name) in enumerate(pairs)
        ],
    )
    table(
        folder / "inquire" / "inquire_rerank.csv",
        [
            {
                "query": query,
                "inat24_file_name": f"train/00001_Animalia/{name}.jpg",
                "relevant": name == query,
            }
            for query in ("blue", "red")
            for name in ("grey", "red", "blue")
        ],
    )
    return folder


def evaluated(tmp_path: Path, split: str) -> dict[str, float]:
    composer = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    benchmark = benchmarks.load("inquire", laid_out(tmp_path / "data"), split, allow_missing=True)
    job = Evaluation(benchmark, benchmark.cases, composer, tmp_path / "run", tmp_path / "i.index")
    job.run({})
    summary = runs.summary(runs.open_run(tmp_path / "run"))
    return {name: row["mean"] for name, row in summary["metrics"].items()}


def test_all_pictures_are_searched_with_sentences_alone(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "val")
    # "blue": blue, grey, then red and green; "red": red first. All relevant ones come first.
    assert found["mAP@50"] == found["nDCG@50"] == found["MRR@50"] == pytest.approx(1.0)
    assert found["precision@50"] == pytest.approx((2 + 1) / 50 / 2)


def test_each_query_is_ranked_within_its_own_pictures(tmp_path: Path) -> None:
    assert evaluated(tmp_path, "rerank-val")["mAP@100"] == pytest.approx(1.0)


def test_relevant_pictures_that_are_not_retrieved_count_against_it() -> None:
    flags = [False, True, False, True]
    assert metrics.average_precision_at(flags, 3, 50) == pytest.approx((1 / 2 + 2 / 4) / 3)
    log = np.log2
    expected = (1 / log(3) + 1 / log(5)) / (1 / log(2) + 1 / log(3) + 1 / log(4))
    assert metrics.ndcg_at(flags, 3, 50) == pytest.approx(expected)
    assert metrics.reciprocal_rank_at(flags, 3, 50) == 1 / 2
    assert metrics.reciprocal_rank_at(flags, 3, 1) == 0
    assert metrics.precision_at(flags, 3, 50) == pytest.approx(2 / 50)


@given(st.lists(st.booleans(), min_size=50, max_size=50), st.integers(0, 30))
def test_the_numbers_are_those_of_the_official_formulas(flags: list[bool], more: int) -> None:
    """The official script's AP and nDCG, of a library: missing relevant ones appended at the end."""
    sklearn = pytest.importorskip("sklearn.metrics")
    total = sum(flags) + more
    if not total:
        return
    right, scores = np.array(flags), -np.arange(50.0)
    ap = sklearn.average_precision_score(right, scores) * right.sum() / min(total, 50) if right.any() else 0
    assert metrics.average_precision_at(flags, total, 50) == pytest.approx(ap, abs=1e-9)
    known = np.r_[right, np.ones(more)]
    if len(known) > 1:
        ndcg = sklearn.ndcg_score([known], [np.r_[scores, np.full(more, -100.0)]], k=50)
        assert metrics.ndcg_at(flags, total, 50) == pytest.approx(ndcg, abs=1e-9)


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official files are not here")
@pytest.mark.parametrize(("split", "count"), [("val", 50), ("test", 200)])
def test_the_official_queries_are_read(tmp_path: Path, split: str, count: int) -> None:
    folder = tmp_path / "inquire"
    folder.mkdir()
    name = f"inquire_queries_{split}.csv"
    (folder / name).write_bytes((OFFICIAL / name).read_bytes())
    table(folder / "inquire_annotations.csv", [{"query_id": 3, "image_id": 1, "image_path": "a/b"}])
    found = benchmarks.load("inquire", tmp_path, split, annotations_only=True)
    assert len(found.cases) == count
    assert all(case.modification and not case.reference for case in found.cases)


def test_a_table_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "data")
    table(folder / "inquire" / "inquire_annotations.csv", [{"query_id": 3, "image_path": ""}])
    with pytest.raises(InputError, match="line 2: the column 'image_path'"):
        benchmarks.load("inquire", folder, "val")
