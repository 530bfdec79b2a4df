"""`query -`: the reference comes on stdin."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.errors import InputError
from tests.pipeline.cli.conftest import Run


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_piped_picture_ranks_as_its_file_does_and_leaves_nothing(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rest = ("at night", "--in", gallery, "-f", "json", "-k", "5")
    by_name = json.loads(likebut("query", reference, *rest).out)
    pipe(monkeypatch, reference.read_bytes())
    piped = json.loads(likebut("query", "-", *rest).out)
    assert piped["ranking"] == by_name["ranking"]  # its copy in the gallery is excluded, too
    assert piped["query"]["reference"] == "-"
    assert not list(tmp_path.glob("likebut-*"))


@pytest.mark.parametrize(("data", "why"), [(b"", "it is empty"), (b"no picture", "cannot be used")])
def test_what_is_no_picture_is_one_line(
    likebut: Run, gallery: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, why: str
) -> None:
    pipe(monkeypatch, data)
    outcome = likebut("query", "-", "at night", "--in", gallery)
    assert outcome.code == InputError.exit_code
    assert why in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
