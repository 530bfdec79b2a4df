"""Captions from the command line: of a file, by the captioner, and as a gallery of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.cli.conftest import Run, some_of


@pytest.fixture
def pictures(drawn: Path, tmp_path: Path) -> Path:
    """Four drawn pictures."""
    return some_of(drawn, tmp_path / "pictures", 4)


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    """Captions by id and by stem, an empty one, and one of an item that is not there."""
    path = tmp_path / "captions.json"
    path.write_text(
        json.dumps(
            {
                "scene-00000.png": ["a red apple", "an apple at night"],
                "scene-00001": "two blue mugs",
                "scene-00002": "",
                "ghost.png": "a ghost",
            }
        )
    )
    return path


def test_captions_of_a_file_are_stored_beside_the_pictures(
    likebut: Run, pictures: Path, captions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "i"
    built = likebut("index", "build", pictures, "--out", out, "--captions", captions)
    assert built.code == 0, built.err
    assert "captions of no item: ghost.png: no such item" in built.err
    assert "2 of 4 items have captions, 2 without, 1 entries of captions.json fit none" in built.err
    facts = json.loads(likebut("index", "info", out, "-f", "json").out)[0]
    assert (facts["captioned"], facts["captions_from"]) == (2, "file captions.json")
    assert likebut("index", "verify", out).code == 0
    found = likebut(
        "query",
        "--text",
        "two blue mugs",
        "--index",
        out,
        "-r",
        "weimocir",
        "-k",
        "4",
        "-w",
        "pictured=0",
        "-f",
        "paths",
    )
    assert found.code == 0, found.err
    assert found.out.splitlines()[0].endswith("scene-00001.png")


def test_the_captioner_describes_what_has_no_captions(
    likebut: Run, pictures: Path, captions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "i"
    likebut("index", "build", pictures, "--out", out, "--captions", captions)
    done = likebut("index", "caption", out)
    assert done.code == 0, done.err
    assert "4 of 4 items have captions (2 described, 2 kept)" in done.err
    again = likebut("index", "caption", out)
    assert "(0 described, 4 kept)" in again.err
    anew = likebut("index", "caption", out, "--anew", "--captions", "2")
    assert "(4 described, 0 kept)" in anew.err
    facts = json.loads(likebut("index", "info", out, "-f", "json").out)[0]
    assert facts["captions_from"].startswith("captioner pocket:captioner")
    assert facts["captions_from"].endswith("2 each")


def test_a_picture_that_cannot_be_captioned_is_named_and_the_exit_code_says_partial(
    likebut: Run, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "i"
    likebut("index", "build", pictures, "--out", out)
    (pictures / "scene-00002.png").unlink()
    done = likebut("index", "caption", out)
    assert done.code == 5
    assert "no caption: scene-00002.png: no such file" in done.err
    assert "3 of 4 items have captions, 1 without (3 described, 0 kept)" in done.err


def test_a_recipe_with_caption_grains_on_a_gallery_without_captions_is_a_usage_error(
    likebut: Run, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "i"
    likebut("index", "build", pictures, "--out", out)
    done = likebut("query", pictures / "scene-00000.png", "in red", "-i", out, "-r", "weimocir")
    assert done.code == 2
    assert f"likebut index caption {out} --profile pocket --captions 3" in done.err
    captioned = likebut("index", "caption", out, "--captions", "3")
    assert captioned.code == 0, captioned.err
    done = likebut(
        "query", pictures / "scene-00000.png", "in red", "-i", out, "-r", "weimocir", "--explain"
    )
    assert done.code == 0, done.err
    assert "caption/told" in done.err
    assert "scene-00000.png" not in done.out


def test_captions_alone_are_a_gallery_that_is_searched_by_text(
    likebut: Run, captions: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sentence_transformers")
    out = tmp_path / "texts"
    built = likebut("index", "build", "--captions", captions, "--out", out, "--profile", "text")
    assert built.code == 0, built.err
    assert "3 of 3 items have captions, no pictures" in built.err
    found = likebut("query", "--text", "cups", "-i", out, "-p", "text", "-f", "paths")
    assert found.out.splitlines()[0] == "scene-00001"
    assert likebut("index", "verify", out).code == 0
    seen = likebut("query", captions.with_name("x.png"), "-i", out, "-p", "text")
    assert seen.code == 3
    both = likebut("query", "--text", "cups", "-i", out, "-p", "text", "-r", "weimocir")
    assert both.code == 2
    assert "captions alone" in both.err


def test_nothing_to_index_and_captions_over_pictures_are_usage_errors(
    likebut: Run, pictures: Path, captions: Path, tmp_path: Path
) -> None:
    nothing = likebut("index", "build", "--out", tmp_path / "i")
    assert nothing.code == 2
    assert "name IMAGES, --captions FILE, or both" in nothing.err
    likebut("index", "build", pictures, "--out", tmp_path / "i")
    over = likebut("index", "build", "--captions", captions, "--out", tmp_path / "i")
    assert over.code == 2
    assert "captions alone would replace it" in over.err
    gone = likebut("index", "build", pictures, "--captions", tmp_path / "no", "-o", tmp_path / "j")
    assert gone.code == 3
    assert not (tmp_path / "j").exists()


def test_a_damaged_caption_side_is_verified_as_damage_of_the_captions(
    likebut: Run, pictures: Path, captions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "i"
    likebut("index", "build", pictures, "--out", out, "--captions", captions)
    next((out / "captions").glob("items-*")).unlink()
    done = likebut("index", "verify", out)
    assert done.code == 3
    assert "damaged: captions: " in done.err
    assert "the pictures are whole" in done.err
