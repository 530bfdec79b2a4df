"""What a page is told of a turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline.records.trace import Ranking
from likebut.pipeline.server.views import question_to_json, rows_now
from tests.pipeline.stages.test_asking_back import begun


def test_the_question_is_of_the_gallerys_captions_and_asks_no_model(tmp_path: Path) -> None:
    session = begun(tmp_path)
    assert session.trace
    found = question_to_json(session.trace, session.composer)
    assert found
    assert found["options"][0].startswith("with ")


def test_a_gallery_without_captions_has_no_question(tmp_path: Path) -> None:
    session = begun(tmp_path, captions=False)
    assert session.trace
    assert question_to_json(session.trace, session.composer) is None


def test_hits_that_another_index_has_moved_are_not_asked_about(tmp_path: Path) -> None:
    session = begun(tmp_path)
    assert session.trace
    moved = tuple(replace(hit, row=hit.row + 100) for hit in session.hits)
    trace = replace(session.trace, ranking=Ranking(moved))
    assert question_to_json(trace, session.composer) is None


def test_of_a_gallery_that_has_shrunk_only_hits_that_are_elsewhere_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begun(tmp_path)
    gallery = session.composer.gallery
    looked: list[str] = []
    monkeypatch.setattr(type(gallery), "row_of", lambda self, ident: looked.append(ident))
    hits = [*session.hits, replace(session.hits[0], row=gallery.count + 5, id="gone.png")]
    assert rows_now(hits, session.composer) == [*(hit.row for hit in session.hits), None]
    assert looked == ["gone.png"]
