"""The real annotation files where they are at hand, and small stand-ins that always are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def official() -> Path:
    """The folder of the four benchmarks' annotation files; tests skip where it is absent."""
    root = Path(__file__).parents[3]
    folder = Path(os.environ.get("LIKEBUT_TEST_DATA", root.parent / "shared" / "data" / "benchmarks"))
    if not folder.is_dir():
        pytest.skip("the official annotation files are not here (set LIKEBUT_TEST_DATA)")
    return folder


def write_json(path: Path, value: Any) -> Path:
    """Write ``value`` to ``path``, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (8, 8)) -> Path:
    """A small picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path
