"""`query`: every way to ask, every way to answer."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.pipeline.cli.conftest import Run


def test_a_reference_and_a_sentence_give_a_ranked_table(
    likebut: Run, gallery: Path, reference: Path
) -> None:
    outcome = likebut("query", reference, "make it night", "--in", gallery, "-k", "3")
    assert outcome.code == 0, outcome.err
    lines = outcome.out.strip().splitlines()
    assert lines[0].split() == ["rank", "score", "path"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3"]
    assert reference.name not in outcome.out


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_holds_the_whole_trace(likebut: Run, gallery: Path, reference: Path, form: str) -> None:
    outcome = likebut("query", reference, "as a sketch", "--in", gallery, "-k", "2", "-f", form)
    trace = json.loads(outcome.out)
    assert trace["query"]["modification"] == "as a sketch"
    assert len(trace["ranking"]["hits"]) == 2
    assert trace["intent"]["target_caption"]
    shares = trace["ranking"]["hits"][0]["shares"]
    assert sum(shares.values()) == pytest.approx(trace["ranking"]["hits"][0]["score"], abs=1e-3)


def test_csv_and_paths_are_plain_data(likebut: Run, gallery: Path, reference: Path) -> None:
    table = likebut("query", reference, "at night", "--in", gallery, "-k", "4", "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(table.out)))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    paths = likebut("query", reference, "at night", "--in", gallery, "-k", "4", "-f", "paths")
    assert paths.out.split() == [row["path"] for row in rows]
    assert all(Path(path).is_file() for path in paths.out.split())


def test_text_alone_finds_pictures_of_it(likebut: Run, gallery: Path) -> None:
    outcome = likebut("query", "--text", "a picture in a room", "--in", gallery, "-f", "paths", "-k", "5")
    captions = dict(_captions(gallery))
    assert outcome.code == 0
    assert sum("in a room" in captions[Path(p).name] for p in outcome.out.split()) >= 4


def test_a_reference_alone_finds_pictures_like_it(likebut: Run, gallery: Path, reference: Path) -> None:
    outcome = likebut("query", reference, "--in", gallery, "-f", "paths", "-k", "3")
    captions = dict(_captions(gallery))
    style = captions[reference.name].endswith("as a sketch")
    found = outcome.out.split()
    assert len(found) == 3
    assert sum(captions[Path(p).name].endswith("as a sketch") == style for p in found) >= 2


def _captions(gallery: Path) -> list[tuple[str, str]]:
    rows = (json.loads(line) for line in (gallery / "captions.jsonl").read_text().splitlines())
    return [(row["file"], row["caption"]) for row in rows]


def test_explain_shows_the_trail_and_every_share(likebut: Run, gallery: Path, reference: Path) -> None:
    outcome = likebut("query", reference, "at night", "--in", gallery, "-k", "2", "--explain-all")
    for word in ("caption:", "reasoning:", "target caption:", "preserved:", "grain:"):
        assert word in outcome.err
    grains = re.findall(r"grain: \S+ (.+)", outcome.err)
    bars = [line for line in outcome.err.splitlines() if "█" in line]
    assert len(bars) == 2 * len(grains)
    assert {name for name in grains if not any(name in bar for bar in bars)} == set()


def test_a_refined_answer_is_explained_and_told_as_json(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path
) -> None:
    ask = ("query", reference, "with purple hats", "--in", gallery, "-k", "2", "-r", "autocir")
    said = likebut(*ask, "--explain").err
    told = json.loads(likebut(*ask, "-f", "json").out)["refinement"]
    assert f"suggestion: {told['suggestion']}" in said
    assert told["suggestion"].startswith("show ")
    assert "refined: this is the second answer" in said
    assert f"first target: {told['other']}" in said
    page = tmp_path / "page.html"
    likebut(*ask, "--report", page)
    assert "A checker suggested" in page.read_text()


def test_a_set_target_caption_is_used_instead(likebut: Run, gallery: Path, reference: Path) -> None:
    outcome = likebut(
        "query",
        reference,
        "at night",
        "--in",
        gallery,
        "-f",
        "json",
        "--set",
        "target_caption=a red apple",
        "--set",
        "forbidden=a cat; a dog",
    )
    intent = json.loads(outcome.out)["intent"]
    assert intent["target_caption"] == "a red apple"
    assert intent["forbidden"] == ["a cat", "a dog"]


def test_a_weight_changes_the_share_of_its_grain(likebut: Run, gallery: Path, reference: Path) -> None:
    ask = ("query", reference, "at night", "--in", gallery, "-f", "json", "-k", "1")
    plain = json.loads(likebut(*ask).out)
    heavy = json.loads(likebut(*ask, "--weight", "reference=2.5").out)
    weights = {g["name"]: g["weight"] for g in heavy["grains"]}
    assert weights["reference"] == 2.5
    assert weights["reference"] > {g["name"]: g["weight"] for g in plain["grains"]}["reference"]


def test_hits_are_copied_with_their_rank_in_the_name(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path
) -> None:
    likebut("query", reference, "at night", "--in", gallery, "-k", "2", "--copy-to", tmp_path / "hits")
    names = sorted(path.name for path in (tmp_path / "hits").iterdir())
    assert [name[:4] for name in names] == ["001-", "002-"]


def test_a_report_is_one_file(likebut: Run, gallery: Path, reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    outcome = likebut("query", reference, "at night", "--in", gallery, "-k", "2", "--report", out)
    assert outcome.code == 0, outcome.err
    assert "at night" in out.read_text()


def test_preview_says_so_where_there_is_no_terminal(likebut: Run, gallery: Path, reference: Path) -> None:
    outcome = likebut("query", reference, "at night", "--in", gallery, "-k", "1", "--preview")
    assert outcome.code == 0
    assert "in terminals only" in outcome.err


@pytest.mark.parametrize("recipe", ["cirevl", "image-only", "text-only", "likebut"])
def test_every_recipe_answers(likebut: Run, gallery: Path, reference: Path, recipe: str) -> None:
    outcome = likebut("query", reference, "at night", "--in", gallery, "-r", recipe, "-f", "paths")
    assert outcome.code == 0, outcome.err
    assert len(outcome.out.split()) == 10


def test_an_index_folder_serves_like_the_folder_itself(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path
) -> None:
    assert likebut("index", "build", gallery, "--out", tmp_path / "i").code == 0
    by_index = likebut("query", reference, "at night", "--index", tmp_path / "i", "-f", "paths")
    by_folder = likebut("query", reference, "at night", "--in", gallery, "-f", "paths")
    assert by_index.out == by_folder.out


def test_an_answer_may_be_made_of_several_samples(likebut: Run, gallery: Path, reference: Path) -> None:
    asked = ("query", reference, "at night", "--in", gallery, "-k", "2", "-f", "json")
    outcome = likebut(*asked, "--samples", "3", "--choose", "mean")
    assert outcome.code == 0, outcome.err
    trace = json.loads(outcome.out)
    assert len(trace["intent"]["samples"]) == 3
    assert trace["intent"]["target_caption"] in trace["intent"]["samples"]
    assert sum(exchange["stage"] == "reason" for exchange in trace["exchanges"]) >= 3
    nothing = likebut(*asked, "--recipe", "image-only", "--samples", "3")
    assert nothing.code == 2
    assert "asks the reasoner nothing" in nothing.err
