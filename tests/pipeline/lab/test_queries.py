"""Queries of a file over a gallery of one's own, and those of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from likebut.indexes.captions import build_captions, captions_of
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import InputError
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.evaluation.sources import Source, of_run
from likebut.pipeline.lab.queries import FileQueries, RunQueries
from tests.pipeline.benchmarks.conftest import picture
from tests.pipeline.colours import REPLY, colour_composer


def lines(path: Path, *rows: dict[str, object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_file_names_references_and_targets_by_path_or_by_id(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("cirevl"))
    path = lines(
        tmp_path / "mine" / "queries.jsonl",
        {"id": "a", "reference": "../gallery/red.png", "modification": "in blue", "targets": ["blue.png"]},
        {"reference": "red.png", "modification": "in green"},
    )
    job = FileQueries(path).open(composer, None, 0)
    first, second = job.cases
    assert (first.id, first.reference, first.targets) == ("a", "red.png", ("blue.png",))
    assert (second.id, second.reference, second.targets) == ("2", "red.png", ())
    trace = job.traces([first])[0]
    assert "red.png" not in [hit.id for hit in trace.ranking.hits]  # the reference is left out


def test_a_reference_outside_the_gallery_is_used_and_a_copy_of_an_item_is_that_item(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("image-only"))
    picture(tmp_path / "mine" / "wide.png", "red", (9, 5))
    copy = tmp_path / "mine" / "copy.png"
    copy.write_bytes((tmp_path / "gallery" / "green.png").read_bytes())
    path = lines(
        tmp_path / "mine" / "queries.jsonl",
        {"reference": "wide.png", "modification": "x"},
        {"reference": "copy.png", "modification": "x"},
    )
    job = FileQueries(path).open(composer, None, 0)
    outside, copied = job.cases
    assert job.traces([outside])[0].ranking.hits[0].id == "red.png"
    assert copied.reference == "green.png"
    assert "green.png" not in [hit.id for hit in job.traces([copied])[0].ranking.hits]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"targets": ["no.png"]}, "line 1: the target no.png is not in the gallery"),
        ({"targets": "blue.png"}, "line 1: targets are a list"),
        ({"modification": " "}, "line 1: a prompt is asked about"),
        ({"reference": None}, "line 1: a prompt is asked about"),
    ],
)
def test_a_line_that_cannot_be_asked_is_named(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    row: dict[str, object] = {"reference": "red.png", "modification": "x", **change}
    composer = colour_composer(tmp_path, recipe=load_recipe("cirevl"))
    with pytest.raises(InputError) as caught:
        FileQueries(lines(tmp_path / "q.jsonl", row)).open(composer, None, 0)
    assert complaint in caught.value.message


def test_files_without_queries_or_with_an_id_twice_are_refused(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("cirevl"))
    for rows, complaint in (
        ([], "holds no query"),
        ([{"id": 1, "reference": "red.png", "modification": "x"}] * 2, "the id '1' is there twice"),
    ):
        with pytest.raises(InputError) as caught:
            FileQueries(lines(tmp_path / "q.jsonl", *rows)).open(composer, None, 0)
        assert complaint in caught.value.message
    with pytest.raises(InputError):
        FileQueries(tmp_path / "none.jsonl").open(composer, None, 0)


def test_a_gallery_of_captions_is_asked_by_ids(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("cirevl"))
    texts = {"r": ["red"], "g": ["green"], "b": ["blue"]}
    build_captions(captions_of(texts), tmp_path / "captions.index", composer.encoder)
    composer = replace(composer, index=None).on(tmp_path / "captions.index")
    path = lines(tmp_path / "q.jsonl", {"reference": "r", "modification": "blue", "targets": ["b"]})
    job = FileQueries(path).open(composer, None, 0)
    trace = job.traces(job.cases)[0]
    assert trace.description.captions == ("red",)
    assert trace.ranking.hits[0].id == "b"
    unknown = lines(tmp_path / "u.jsonl", {"reference": "nobody", "modification": "blue"})
    with pytest.raises(InputError, match="the reference nobody has no captions"):
        FileQueries(unknown).open(composer, None, 0)


def run_of(tmp_path: Path) -> tuple[Path, Evaluation]:
    """A finished run over a folder with three queries, two of which it was asked."""
    composer = colour_composer(tmp_path, (".", REPLY), recipe=load_recipe("cirevl"))
    lines(
        tmp_path / "gallery" / "queries.jsonl",
        *(
            {"id": str(n), "reference": "red.png", "modification": f"blue {n}", "targets": ["blue.png"]}
            for n in range(3)
        ),
    )
    source = Source("jsonl", tmp_path / "gallery", "all")
    benchmark, _ = source.load()
    job = Evaluation(
        benchmark,
        benchmark.cases[:2],
        replace(composer, index=None),
        tmp_path / "runs" / "one",
        tmp_path / "runs" / "i.index",
    )
    job.run({"sample": None, "seed": 0, "limit": 2}, source=source)
    return tmp_path / "runs" / "one", job


def test_a_run_is_asked_again_with_its_own_queries(tmp_path: Path) -> None:
    folder, job = run_of(tmp_path)
    again = RunQueries.of(folder, of_run(folder))
    opened, failed = again.open(replace(job.composer, index=None), None, 0)
    assert failed == ()
    assert [case.id for case in opened.cases] == ["0", "1"]
    assert opened.result(opened.cases[0], opened.traces(opened.cases)[0]).ranking == (
        next(runs.read_results(folder / "results.jsonl")).ranking
    )
    one, _ = again.open(replace(job.composer, index=None), 1, 3)
    assert len(one.cases) == 1


def test_data_that_changed_under_a_run_are_noticed(tmp_path: Path) -> None:
    folder, _ = run_of(tmp_path)
    lines(
        tmp_path / "gallery" / "queries.jsonl",
        {"id": "0", "reference": "red.png", "modification": "blue", "targets": ["blue.png"]},
    )
    with pytest.raises(InputError, match="asked 2 queries, its data now give 1"):
        RunQueries.of(folder, of_run(folder))


def test_a_run_under_another_protocol_is_not_mixed_in(tmp_path: Path) -> None:
    folder, _ = run_of(tmp_path)
    other = replace(of_run(folder), options={"exclude_reference": False})
    with pytest.raises(InputError, match="made under another protocol"):
        RunQueries.of(folder, other)
