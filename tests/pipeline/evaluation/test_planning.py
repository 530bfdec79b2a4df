"""The estimate of an evaluation: what is still to be done, and nothing is touched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.batch.estimate import Estimate
from likebut.pipeline.benchmarks.records import Case, Item
from likebut.pipeline.errors import InputError
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.planning import estimate_run
from tests.pipeline.colours import colour_composer
from tests.pipeline.evaluation.test_evaluate import evaluation


def planned(job: Any, **how: Any) -> dict[str, tuple[int, int]]:
    """Stage → (calls, of them cached)."""
    found: Estimate = estimate_run(job.benchmark, job.cases, job.composer, job.folder, **how)
    return {row.stage: (row.calls, row.cached) for row in found.rows}


def state(folder: Path) -> dict[str, bytes]:
    return {
        str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.name.endswith("-shm")
    }


def test_a_fresh_run_takes_all_calls_and_a_finished_one_none(tmp_path: Path) -> None:
    job = evaluation(tmp_path)
    assert planned(job) == {"describe": (2, 0), "reason": (3, 0)}  # red.png twice, blue.png once
    assert not job.folder.exists()
    job.run({})
    other = evaluation(tmp_path, out="other")
    before = state(tmp_path)
    assert planned(job) == {}
    # Now it is known that both pictures have one caption, so two of the questions are the same.
    assert planned(other) == {"describe": (2, 2), "reason": (2, 2)}
    assert state(tmp_path) == before


def test_a_torn_run_and_failed_queries_are_estimated_as_they_will_be_continued(tmp_path: Path) -> None:
    job = evaluation(tmp_path)
    job.run({})
    path = job.folder / runs.RESULTS
    first, second, third = path.read_text().splitlines(keepends=True)
    failed = json.dumps(json.loads(second) | {"error": "HTTP 503"}) + "\n"
    path.write_text(first + failed + third[:30])
    assert planned(job) == {"describe": (1, 1), "reason": (1, 1)}
    assert planned(job, retry_errors=True) == {"describe": (2, 2), "reason": (2, 2)}
    assert path.read_text().endswith(third[:30])
    path.write_text("{}\n")
    with pytest.raises(InputError, match="line 1: not a result"):
        planned(job)


def test_parts_of_pictures_are_shown_from_a_scratch_folder(tmp_path: Path) -> None:
    job = evaluation(tmp_path)
    boxed = [replace(item, box=(1.0, 1.0, 4.0, 4.0)) for item in job.benchmark.items]
    job.benchmark = replace(job.benchmark, items=tuple(boxed))
    before = state(tmp_path)
    assert planned(job) == {"describe": (2, 0), "reason": (3, 0)}
    assert state(tmp_path) == before


def test_captions_that_stand_for_pictures_leave_only_the_reasoning(tmp_path: Path) -> None:
    job = evaluation(tmp_path)
    texts = {item.id: (f"a picture {item.id}",) for item in job.benchmark.items}
    assert planned(job, captions=texts) == {"reason": (3, 0)}


def test_a_recipe_that_scores_captions_takes_those_of_the_gallery_first(tmp_path: Path) -> None:
    job = evaluation(tmp_path, recipe="basic")
    told = job.composer.recipe.model_copy(update={"caption_grains": {"modification": 1.0}})
    job.composer = replace(job.composer, recipe=told)
    assert planned(job) == {"caption gallery": (4, 0)}


def test_a_picture_that_is_missing_is_named(tmp_path: Path) -> None:
    job = evaluation(tmp_path)
    items = (Item("gone.png", tmp_path / "gone.png"),)
    found = estimate_run(
        replace(job.benchmark, items=items),
        [Case("q", "gone.png", "x")],
        colour_composer(tmp_path),
        tmp_path / "run",
    )
    assert found.rows == ()
    assert found.failing[0][0] == "q"
