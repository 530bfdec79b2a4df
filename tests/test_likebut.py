"""The Python face: what README shows runs, names load, and the wheel holds one package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import likebut
from tests.pipeline.colours import REPLY, colour_composer

ROOT = Path(__file__).parent.parent


def python(code: str, folder: Path, path: Path = ROOT) -> str:
    """What the code prints, run in a process of its own that imports from ``path``."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(path)},
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_the_example_of_the_readme_runs(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "gallery")
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    first, second, *answers, searched = python(example, tmp_path).splitlines()
    assert "at night" in first
    assert "as a sketch {" in second
    assert len(answers) == 20
    turns = json.loads((tmp_path / "found.json").read_text())["turns"]
    assert [turn["step"]["do"] for turn in turns] == ["start", "but", "but", "weigh"]
    assert searched.startswith("[['scene-00040.png',")


def test_importing_loads_nothing_heavy_and_every_name_loads(tmp_path: Path) -> None:
    python(
        "import sys, likebut; heavy = {'numpy', 'torch', 'PIL', 'pyarrow', 'typer', 'pydantic'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)",
        tmp_path,
    )
    assert all(getattr(likebut, name) is not None for name in likebut.__all__)
    assert set(likebut.__all__) <= set(dir(likebut))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = likebut.nothing


def test_a_picture_may_be_a_file_or_pixels_and_a_change_is_asked_again(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, (".", REPLY))
    place = tmp_path / "gallery" / "red.png"
    trace = composer.ask(str(place), "make it blue", k=2)
    seen = composer.ask(Image.open(place), "make it blue", k=2)
    assert [hit.id for hit in seen.ranking.hits] == [hit.id for hit in trace.ranking.hits]
    assert seen.query.reference is not None
    assert seen.query.reference.is_file()
    again = composer.again(trace, k=2, target_caption="green", desired=[], forbidden=["blue"])
    assert Path(again.ranking.hits[0].path).stem == "green"
    assert composer.ask(place, "make it blue", 2, target_caption="green").intent.target_caption == ("green")
    lost = composer.ask(tmp_path / "none.png", "make it blue")
    assert lost.error
    assert not lost.ranking.hits


def test_the_wheel_is_one_package_that_works_elsewhere(tmp_path: Path) -> None:
    """Built from a copy: building writes beside the sources."""
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    skipped = shutil.ignore_patterns(".*", "tests", "build", "*.egg-info", "__pycache__", "demo")
    shutil.copytree(ROOT, source, ignore=skipped)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            str(tmp_path),
            str(source),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("likebut-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path / "site")
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"likebut"}
    assert not [name for name in names if "test" in name.split("/")[1:]]
    code = (
        "import likebut, sys; from likebut.pipeline.cli.program import main; "
        "sys.argv = ['likebut', 'recipes', 'show', 'cirevl']; print(likebut.__file__); main()"
    )
    place, *shown = python(code, tmp_path, tmp_path / "site").splitlines()
    assert place == str(tmp_path / "site" / "likebut" / "__init__.py")
    assert any("cirevl" in line for line in shown)
