"""An evaluation over a gallery in Milvus gives what it gives over the index that was pushed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline.errors import InputError
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from tests.pipeline.evaluation.test_evaluate import evaluation

pytest.importorskip("pymilvus", reason="needs pip install 'likebut[milvus]'")
pytest.importorskip("milvus_lite", reason="needs pip install 'likebut[milvus]'")


def elsewhere(tmp_path: Path, out: str) -> Evaluation:
    return replace(evaluation(tmp_path, out=out), index_folder=tmp_path / "eval.db")


def test_the_results_are_the_same(tmp_path: Path) -> None:
    from likebut.indexes.milvus.push import push

    evaluation(tmp_path).run({})
    push(tmp_path / "eval.index", tmp_path / "eval.db")
    report = elsewhere(tmp_path, "there").run({})
    assert (report.answered, report.failed_pictures) == (3, ())
    local, there = runs.open_run(tmp_path / "run"), runs.open_run(tmp_path / "there")
    assert runs.per_query(there) == runs.per_query(local)
    assert [one.ranking for one in there.results] == [one.ranking for one in local.results]


def test_the_gallery_of_something_else_is_refused(tmp_path: Path) -> None:
    from likebut.indexes.milvus.push import push

    evaluation(tmp_path).run({})
    push(tmp_path / "eval.index", tmp_path / "eval.db")
    job = elsewhere(tmp_path, "there")
    fewer = replace(job.benchmark, items=job.benchmark.items[:2])
    with pytest.raises(InputError, match="2 of its 2 pictures are among 4 items"):
        replace(job, benchmark=fewer).open()
