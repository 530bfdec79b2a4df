"""Readers on small stand-ins: layouts, options, and every way a data set can be broken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from likebut.pipeline import benchmarks
from likebut.pipeline.benchmarks import crops
from likebut.pipeline.benchmarks.reading import reduced
from likebut.pipeline.benchmarks.records import Benchmark, Case, Item
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.evaluation import judging as scoring
from likebut.pipeline.evaluation import metrics
from tests.pipeline.benchmarks.conftest import picture, write_json


def circo(folder: Path) -> Path:
    """Two of CIRCO's queries and three of its pictures."""
    rows = [
        {
            "id": 0,
            "reference_img_id": 1,
            "relative_caption": "has a dog",
            "shared_concept": "a man",
            "target_img_id": 2,
            "gt_img_ids": [2, 3],
            "semantic_aspects": ["addition"],
        },
        {
            "id": 1,
            "reference_img_id": 9,
            "relative_caption": "at night",
            "shared_concept": "a car",
            "target_img_id": 3,
            "gt_img_ids": [3],
            "semantic_aspects": [],
        },
    ]
    write_json(folder / "annotations" / "val.json", rows)
    for number in (1, 2, 3):
        picture(folder / "unlabeled2017" / f"{number:012d}.jpg")
    return folder


def jsonl(folder: Path, *rows: Any) -> Path:
    """Pictures a, b and c, and a queries file."""
    for name in "abc":
        picture(folder / f"{name}.png")
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "queries.jsonl").write_text("\n".join(lines))
    return folder


GOOD = {"reference": "a.png", "modification": "at night", "targets": ["b.png"]}


def test_a_partial_data_set_is_refused_with_its_counts(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        benchmarks.load("circo", circo(tmp_path), "val")
    assert "2 queries of 220" in caught.value.message
    assert "3 pictures of 123,403" in caught.value.message


def test_with_leave_what_is_there_is_scored_and_the_rest_is_named(tmp_path: Path) -> None:
    benchmark = benchmarks.load("circo", circo(tmp_path), "val", allow_missing=True)
    assert [case.id for case in benchmark.cases] == ["0"]
    assert benchmark.dropped == ("1",)
    assert benchmark.cases[0].correct == ("2", "3")
    assert benchmark.cases[0].targets == ("2",)


def test_the_shared_concept_is_a_named_protocol_of_its_own(tmp_path: Path) -> None:
    plain = benchmarks.load("circo", circo(tmp_path), "val", allow_missing=True)
    other = benchmarks.load("circo", tmp_path, "val", allow_missing=True, shared_concept=True)
    assert other.cases[0].modification == "a man, has a dog"
    assert other.protocol.name == "circo/val+concept" != plain.protocol.name


def test_a_jsonl_benchmark_is_a_folder_with_a_file(tmp_path: Path) -> None:
    benchmark = benchmarks.load("jsonl", jsonl(tmp_path, GOOD, {**GOOD, "id": "x", "kind": "time+add"}))
    assert [case.id for case in benchmark.cases] == ["1", "x"]
    assert {item.id for item in benchmark.items} == {"a.png", "b.png", "c.png"}
    assert benchmark.cases[1].aspects == ("time", "add")


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["{"], "line 1: not JSON"),
        ([{**GOOD, "targets": []}], "line 1: a query without targets"),
        ([{**GOOD, "modification": " "}], "line 1: the modification is empty"),
        ([{"reference": "a.png"}], "line 1: the field 'targets' is missing"),
        ([{**GOOD, "id": "x"}, {**GOOD, "id": "x"}], "the id 'x' is there 2 times"),
        ([{**GOOD, "reference": "gone.png"}], "1 of 4 pictures missing"),
        ([], "holds no query"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, rows: list[Any], complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        benchmarks.load("jsonl", jsonl(tmp_path, *rows))
    assert complaint in caught.value.message


def test_nothing_to_ask_is_an_error_even_with_leave(tmp_path: Path) -> None:
    folder = jsonl(tmp_path, {**GOOD, "reference": "gone.png"})
    with pytest.raises(InputError) as caught:
        benchmarks.load("jsonl", folder, allow_missing=True)
    assert "none of the 1 queries" in caught.value.message


@pytest.mark.parametrize("content", ['[{"id": 0, "reference_img_id": 1', "{}", '[{"id": 0}]'])
def test_a_truncated_or_foreign_annotation_file_is_one_clear_error(tmp_path: Path, content: str) -> None:
    path = circo(tmp_path) / "annotations" / "val.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        benchmarks.load("circo", tmp_path, "val")
    assert str(path) in caught.value.message


def test_a_wrong_folder_says_which_file_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        benchmarks.load("cirr", tmp_path)
    assert "cap.rc2.val.json" in caught.value.message


@pytest.mark.parametrize(
    ("name", "split", "options", "complaint"),
    [
        ("circoo", "", {}, "'circoo'"),
        ("circo", "vall", {}, "'vall'"),
        ("circo", "val", {"joint": "and"}, "'joint'"),
        ("fashioniq", "dress", {"join": "or"}, "'or'"),
    ],
)
def test_unknown_names_are_met_with_what_there_is(
    tmp_path: Path, name: str, split: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        benchmarks.load(name, tmp_path, split, **options)
    assert complaint in caught.value.message
    assert caught.value.hint


def test_pocket_draws_itself_once(tmp_path: Path) -> None:
    folder = tmp_path / "pocket"
    first = benchmarks.load("pocket", folder, pictures=40, queries=6, seed=3)
    again = benchmarks.load("pocket", folder)
    assert first.cases == again.cases
    assert (len(first.items), len(first.cases)) == (40, 6)


def test_pocket_is_drawn_only_where_that_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no drawn benchmark in") as caught:
        benchmarks.load("pocket", tmp_path / "typo")
    assert "--draw" in caught.value.hint
    assert not (tmp_path / "typo").exists()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        benchmarks.load("pocket", tmp_path / "photos", draw=True)
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_genecis_attribute_tasks_show_parts_of_pictures(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "7.jpg", size=(100, 60))
    entry = {"image_id": 7, "instance_bbox": [50, 10, 20, 10]}
    other = {"image_id": 7, "instance_bbox": [0, 0, 20, 10]}
    row = {"reference": entry, "target": other, "gallery": [entry], "condition": "colour"}
    write_json(tmp_path / "genecis" / "change_attribute.json", [row])
    benchmark = benchmarks.load("genecis", tmp_path, "change_attribute")
    assert benchmark.cases[0].subset == ("7:0,0,20,10", "7:50,10,20,10")
    assert benchmark.items[0].box == (50, 10, 20, 10)
    assert benchmark.protocol.own_galleries


def test_the_official_crop_is_worked_out_by_hand() -> None:
    # x 50, w 20: left = 50 - 14 = 36, right = 36 + 34 = 70; y 10, h 10: top = 3, bottom = 20
    image = Image.new("RGB", (100, 60), "white")
    part = crops.crop(image, (50, 10, 20, 10))
    assert part.size == (34, 34)
    # 17 rows of picture, 8 black ones above and 9 below
    assert [part.getpixel((5, y)) for y in (7, 8, 24, 25)] == [
        (0, 0, 0),
        (255, 255, 255),
        (255, 255, 255),
        (0, 0, 0),
    ]
    # A box at the border is stopped there: left = 0, right = 1.7 w
    assert crops.crop(image, (4, 0, 10, 10)).size == (17, 17)


@pytest.mark.parametrize(
    ("box", "edges"),
    # x 12, w 9: left = 12 - 6.3 = 5.7, rounded 6; right = 5.7 + 15.3 = 21; truncation would say 5
    [((12, 12, 9, 9), (6, 6, 21, 21)), ((12, 12, 11, 11), (4, 4, 23, 23))],
)
def test_edges_of_a_crop_are_rounded_and_not_cut_off(
    box: tuple[float, float, float, float], edges: tuple[int, int, int, int]
) -> None:
    image = Image.effect_noise((60, 60), 80).convert("RGB")
    assert crops.crop(image, box).tobytes() == image.crop(edges).tobytes()


def test_crops_are_cut_once_and_whole_pictures_stay(tmp_path: Path) -> None:
    source = picture(tmp_path / "p.png", size=(50, 50))
    items = [Item("whole", source), Item("part", source, (10, 10, 10, 10))]
    first = crops.cut(items, tmp_path / "crops")
    stamp = first[1].path.stat().st_mtime_ns
    assert first[0].path == source
    assert crops.cut(items, tmp_path / "crops") == first
    assert first[1].path.stat().st_mtime_ns == stamp


def small(own: bool) -> Benchmark:
    """Two cases over pictures a to f; the second's subset needs f."""
    rules = replace(benchmarks.reader("cirr").protocol("val"), own_galleries=own)
    cases = (
        Case("1", "a", "x", ("b",), ("b",), ("b", "c")),
        Case("2", "a", "y", ("b",), ("b",), ("b", "f")),
    )
    items = tuple(Item(name, Path(name)) for name in "abcdef")
    return Benchmark("cirr", "val", rules, cases, items)


def test_a_subset_that_is_not_whole_has_no_score_and_its_own_n() -> None:
    whole = small(own=False)
    here = reduced(whole, whole.items[:5], ("f",))
    assert [case.subset for case in here.cases] == [("b", "c"), ()]
    ranking = [("b", 0.9), ("c", 0.5)]
    rows = [scoring.score(case, here.protocol, ranking) for case in here.cases]
    table = metrics.table(rows)
    assert (table["Recall@1"]["n"], table["subset_recall@1"]["n"]) == (2, 1)


def test_a_query_whose_own_gallery_is_not_whole_is_dropped_and_named() -> None:
    whole = small(own=True)
    here = reduced(whole, whole.items[:5], ("f",))
    assert ([case.id for case in here.cases], here.dropped) == (["1"], ("2",))


def test_doubled_targets_and_an_excluded_reference_do_not_cap_a_perfect_ranking() -> None:
    rules = benchmarks.reader("jsonl").protocol("mine")
    case = Case("1", "r", "x", ("a", "b", "a", "r"), ("a", "b", "a", "r"))
    values = scoring.score(case, rules, [("a", 0.9), ("b", 0.8), ("c", 0.1)])
    assert (values["mAP@5"], values["Recall@1"]) == (1.0, 1.0)
