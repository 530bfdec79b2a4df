"""Regions from the command line: made, told of, kept up by queries, refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from likebut.indexes.store import Index
from tests.pipeline.cli.conftest import Run, some_of


@pytest.fixture
def pictures(drawn: Path, tmp_path: Path) -> Path:
    """Four drawn pictures."""
    return some_of(drawn, tmp_path / "pictures", 4)


def facts(likebut: Run, out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(likebut("index", "info", out, "-f", "json").out)[0]
    return told


@pytest.mark.parametrize(("kind", "each"), [("crops", 5), ("patches", 64)])
def test_regions_are_made_checked_and_follow_the_pictures(
    likebut: Run, pictures: Path, tmp_path: Path, kind: str, each: int
) -> None:
    out = tmp_path / "i"
    built = likebut("index", "build", pictures, "--out", out, "--regions", kind)
    assert built.code == 0, built.err
    assert f"regions: {each} {kind} a picture (4 pictures encoded)" in built.err
    told = facts(likebut, out)
    assert (told["regions"], told["regions_kind"], told["regions_each"]) == ("fit the items", kind, each)
    assert likebut("index", "remove", out, "scene-00000.png").code == 0
    assert likebut("index", "verify", out).code == 0
    assert facts(likebut, out)["regions"] == "fit the items"
    built = likebut("index", "build", pictures, "--out", out)
    assert f"regions: {each} {kind} a picture (1 pictures encoded)" in built.err
    assert likebut("index", "verify", out).code == 0


def test_a_query_keeps_the_regions_of_its_gallery_up(likebut: Run, pictures: Path, drawn: Path) -> None:
    out = pictures / ".likebut"
    assert likebut("index", "build", pictures, "--out", out, "--regions", "crops").code == 0
    shutil.copy(drawn / "scene-00009.png", pictures)
    found = likebut("query", "--text", "a red apple", "--in", pictures, "-r", "text-only")
    assert found.code == 0, found.err
    regions = Index.open(out).regions
    assert regions is not None
    assert regions.take([4])[0].any()


def test_a_query_of_a_gallery_with_damaged_regions_finds_what_it_finds(
    likebut: Run, pictures: Path, drawn: Path
) -> None:
    out = pictures / ".likebut"
    assert likebut("index", "build", pictures, "--out", out, "--regions", "crops").code == 0
    (out / "regions" / "manifest.json").write_text("{}")
    shutil.copy(drawn / "scene-00009.png", pictures)
    assert likebut("query", "--text", "a red apple", "--in", pictures, "-r", "text-only").code == 0
    checked = likebut("index", "verify", out)
    assert checked.code == 3
    assert "damaged: regions: " in checked.err
    assert "the pictures are whole\n" in checked.err
    assert "make the regions anew: likebut index build " in checked.err
    assert "make the captions anew" not in checked.err
    assert likebut("index", "build", pictures, "--out", out, "--regions", "crops").code == 0
    assert likebut("index", "verify", out).code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--regions", "tiles"), "error: no regions 'tiles' — there are crops and patches"),
        (("--region-codes", "32"), "error: --region-codes without regions — name them"),
        (("--regions", "crops", "--region-codes", "30"), "vectors of 128 numbers cannot be cut into 30"),
        (("--regions", "patches", "--region-codes", "32"), "error: 256 vectors are too few"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(
    likebut: Run, pictures: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    if "too few" in said:
        for path in sorted(pictures.iterdir())[1:]:
            path.unlink()
        said = said.replace("256", "64")
    refused = likebut("index", "build", pictures, "--out", tmp_path / "i", *options)
    assert refused.code == 2
    assert said in refused.err
    assert "Traceback" not in refused.err


def test_captions_alone_have_no_regions(likebut: Run, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"a": "a red apple"}')
    arguments = ("--captions", tmp_path / "c.json", "--out", tmp_path / "i", "--regions", "crops")
    refused = likebut("index", "build", *arguments)
    assert refused.code == 2
    assert "captions alone have no regions — name the pictures, too" in refused.err
