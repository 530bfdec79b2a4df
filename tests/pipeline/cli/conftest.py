"""Running the command line as a person does: arguments in, streams and exit code out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Outcome:
    """What one command printed, and how it ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


def some_of(drawn: Path, folder: Path, count: int) -> Path:
    """The folder, made, with the first ``count`` drawn pictures in it."""
    folder.mkdir()
    for number in range(count):
        shutil.copy(drawn / f"scene-{number:05d}.png", folder)
    return folder


@pytest.fixture
def likebut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `likebut …` in this process (models stay loaded between tests)."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str | Path) -> Outcome:
        from likebut.pipeline.cli.program import main

        monkeypatch.setattr(sys, "argv", ["likebut", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def gallery(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the drawn gallery that commands may index."""
    import shutil

    folder = tmp_path_factory.mktemp("cli") / "gallery"
    shutil.copytree(drawn, folder)
    return folder


@pytest.fixture
def reference(gallery: Path) -> Path:
    """One picture of the gallery."""
    return gallery / "scene-00003.png"
