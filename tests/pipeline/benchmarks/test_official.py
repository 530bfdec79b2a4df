"""The protocols on the official files: counts, and the official scorers' own definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline import benchmarks
from likebut.pipeline.benchmarks import submissions
from likebut.pipeline.benchmarks.records import Benchmark, Case
from likebut.pipeline.errors import InputError
from likebut.pipeline.evaluation import judging as scoring
from likebut.pipeline.evaluation import metrics


def labels(official: Path, name: str, split: str) -> Benchmark:
    return benchmarks.load(name, official / name, split, annotations_only=True)


@pytest.mark.parametrize(
    ("name", "split", "queries", "pictures"),
    [
        ("cirr", "val", 4181, 2297),
        ("cirr", "test1", 4148, 2315),
        ("circo", "val", 220, 0),
        ("circo", "test", 800, 0),
        ("fashioniq", "dress", 2017, 3817),
        ("fashioniq", "shirt", 2038, 6346),
        ("fashioniq", "toptee", 1961, 5373),
        ("genecis", "focus_object", 1960, 2198),
        ("genecis", "change_object", 1960, 2739),
    ],
)
def test_the_official_files_are_read_whole(
    official: Path, name: str, split: str, queries: int, pictures: int
) -> None:
    benchmark = labels(official, name, split)
    assert (len(benchmark.cases), len(benchmark.items)) == (queries, pictures)
    assert benchmark.labelled == (split not in ("test", "test1"))


def test_the_pictures_that_are_not_there_are_counted(official: Path) -> None:
    with pytest.raises(InputError) as caught:
        benchmarks.load("cirr", official / "cirr", "val")
    assert "2,297 of 2,297 pictures missing" in caught.value.message
    assert "--allow-missing" in caught.value.hint


def test_circo_agrees_with_the_official_definition_on_the_official_example(official: Path) -> None:
    benchmark = labels(official, "circo", "val")
    path = official / "circo" / "submission_examples" / "submission_val.json"
    lists = json.loads(path.read_text())
    rows = json.loads((official / "circo" / "annotations" / "val.json").read_text())
    ours = scoring.score_all(
        benchmark.cases,
        benchmarks.reader("circo").protocol("val", exclude_reference=False),
        [metrics.in_order(submissions.read(path)[0][case.id]) for case in benchmark.cases],
        [None] * len(benchmark.cases),
    )
    for k in (5, 10, 25, 50):
        expected, found = [], []
        for row in rows:  # equation 1 of the CIRCO paper, in numpy
            ranked = np.array(lists[str(row["id"])])[:k]
            right = np.isin(ranked, row["gt_img_ids"])
            precisions = np.cumsum(right) * right / np.arange(1, k + 1)
            expected.append(precisions.sum() / min(len(row["gt_img_ids"]), k))
            found.append(row["target_img_id"] in ranked)
        assert np.mean([r[f"mAP@{k}"] for r in ours]) == pytest.approx(np.mean(expected), abs=1e-9)
        assert np.mean([r[f"Recall@{k}"] for r in ours]) == pytest.approx(np.mean(found), abs=1e-9)
    aspects = metrics.table(ours)
    counts = {
        "cardinality": 37,
        "addition": 80,
        "negation": 21,
        "direct_addressing": 119,
        "compare_change": 86,
        "comparative_statement": 50,
        "statement_with_conjunction": 164,
        "spatial_relations_background": 100,
        "viewpoint": 54,
    }
    assert {a: aspects[f"mAP@10 {a}"]["n"] for a in counts} == counts


def test_cirr_scores_the_target_and_the_subset_without_the_reference(official: Path) -> None:
    benchmark = labels(official, "cirr", "val")
    case = benchmark.cases[0]
    assert len(case.subset) == 5
    assert case.reference not in case.subset
    others = [item.id for item in benchmark.items if item.id not in (*case.targets, case.reference)]
    ranking = metrics.in_order([case.reference, *others[:4], *case.targets, *others[4:]])
    values = scoring.score(case, benchmark.protocol, ranking)
    assert (values["Recall@1"], values["Recall@5"]) == (0.0, 1.0)
    ahead = sum(member in others[:4] for member in case.subset)
    assert values["subset_recall@1"] == float(ahead == 0)


@pytest.mark.parametrize(
    ("file", "name", "split"),
    [
        ("circo/submission_examples/submission_val.json", "circo", "val"),
        ("circo/submission_examples/submission_test.json", "circo", "test"),
        ("cirr/demo_files/test1_pred_ranks_recall.json", "cirr", "test1"),
        ("cirr/demo_files/test1_pred_ranks_recall_subset.json", "cirr", "test1"),
    ],
)
def test_the_official_examples_are_fit_to_be_submitted(
    official: Path, file: str, name: str, split: str
) -> None:
    benchmark = labels(official, name, split)
    assert submissions.problems(official / file, name, benchmark) == []
    assert submissions.problems(official / file, name) == []


def test_what_is_written_has_the_form_of_the_official_examples(official: Path, tmp_path: Path) -> None:
    benchmark = labels(official, "cirr", "test1")
    folder = official / "cirr" / "demo_files"
    lists, _ = submissions.read(folder / "test1_pred_ranks_recall.json")
    subsets, _ = submissions.read(folder / "test1_pred_ranks_recall_subset.json")
    written = submissions.write(benchmark, lists, subsets, tmp_path)
    for path, name in zip(written, ("recall", "recall_subset"), strict=True):
        official_file = json.loads((folder / f"test1_pred_ranks_{name}.json").read_text())
        assert json.loads(path.read_text()) == official_file


def test_a_query_of_genecis_has_its_target_among_its_distractors(official: Path) -> None:
    loaded = benchmarks.load("genecis", official / "genecis", "change_object", annotations_only=True)
    case = loaded.cases[19]
    assert (len(case.subset), case.subset.count(case.targets[0])) == (15, 2)
    perfect = [(ident, float(ident == case.targets[0])) for ident in case.subset]
    scores = scoring.score(case, loaded.protocol, perfect)
    assert (scores["Recall@1"], scores["Recall@2"]) == (0.0, 1.0)


def test_an_empty_caption_of_fashioniq_leaves_the_and_of_the_official_join(official: Path) -> None:
    texts = [
        case.modification
        for split in ("dress", "shirt", "toptee")
        for case in benchmarks.load("fashioniq", official / "fashioniq", split, annotations_only=True).cases
    ]
    assert sum(text.startswith(" and ") or text.endswith(" and ") for text in texts) == 3


def test_the_small_gallery_of_fashioniq_holds_what_its_queries_name(official: Path) -> None:
    sizes = [
        len(
            benchmarks.load(
                "fashioniq", official / "fashioniq", split, annotations_only=True, gallery="val"
            ).items
        )
        for split in ("dress", "shirt", "toptee")
    ]
    assert sizes == [2628, 3089, 2902]


def test_the_joins_of_fashioniq(official: Path) -> None:
    def case(join: str) -> Case:
        folder = official / "fashioniq"
        loaded = benchmarks.load("fashioniq", folder, "dress", annotations_only=True, join=join)
        return loaded.cases[0]

    def first(join: str) -> str:
        return case(join).modification

    assert first("and") == "is shiny and silver with shorter sleeves and fit and flare"
    assert first("reversed") == "fit and flare and is shiny and silver with shorter sleeves"
    both = case("both")
    assert (both.modification, both.wordings) == (first("and"), (first("reversed"),))
    assert case("and").wordings == ()
