"""A gallery with videos, as a person meets it: a video is one hit, at its best frame, with the moment."""

from __future__ import annotations

import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from likebut.indexes.decode import load_image
from likebut.indexes.store import Index
from likebut.indexes.videos import Frame
from likebut.pipeline.records.trace import Hit, Query, Ranking, Trace
from likebut.pipeline.records.traces import trace_from_json, trace_to_json
from likebut.pipeline.server.exports import text_of, zipped
from likebut.pipeline.server.pictures import small
from tests.filming import film
from tests.pipeline.cli.conftest import Run, some_of


@pytest.fixture
def films(drawn: Path, tmp_path: Path) -> Path:
    """Six drawn pictures, and a film of four others of half a second each."""
    folder = some_of(drawn, tmp_path / "films", 6)
    scenes = [Image.open(drawn / f"scene-{number:05d}.png").convert("RGB") for number in range(10, 14)]
    film(folder / "clip.mp4", scenes)
    return folder


def hits(likebut: Run, *given: str | Path) -> list[dict[str, Any]]:
    outcome = likebut("query", *given, "-k", "5", "-f", "json")
    assert outcome.code == 0, outcome.err
    found: list[dict[str, Any]] = json.loads(outcome.out)["ranking"]["hits"]
    return found


def test_a_video_is_one_hit_at_its_best_frame(
    likebut: Run, drawn: Path, films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    assert likebut("index", "build", films, "--out", out, "--videos", "4").code == 0
    # the third scene of the film itself, which lies outside the gallery
    found = hits(likebut, drawn / "scene-00012.png", "--index", out, "--recipe", "image-only")
    assert len(found) == 5  # though other frames are like the picture, too
    assert [hit["id"] for hit in found if hit["id"].startswith("clip")] == ["clip.mp4#3of4"]
    assert found[0]["id"] == "clip.mp4#3of4"
    assert found[0]["video"] == {"file": str(films / "clip.mp4"), "seconds": 1.2}
    seen = load_image(found[0]["path"])
    assert seen.size == Image.open(drawn / "scene-00012.png").size
    scores = [hit["score"] for hit in found]
    assert scores == sorted(scores, reverse=True)


def test_people_read_the_moment_and_programs_the_file(
    likebut: Run, drawn: Path, films: Path, tmp_path: Path
) -> None:
    out, report = tmp_path / "index", tmp_path / "report.html"
    likebut("index", "build", films, "--out", out, "--videos", "4")
    asked = ("query", drawn / "scene-00012.png", "--index", out, "--recipe", "image-only", "-k", "1")
    table = likebut(*asked, "--report", report, "--copy-to", tmp_path / "copies")
    assert "clip.mp4#t=1.2" in table.out
    assert likebut(*asked, "-f", "paths").out == f"{films / 'clip.mp4'}\n"
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["001-clip.mp4"]
    page = report.read_text(encoding="utf-8")
    assert "clip.mp4#t=1.2" in page
    assert re.search(r'<img src="data:image/webp;base64,[^"]{100,}" [^>]*alt="Hit 1: clip', page)


def test_the_index_of_a_gallery_that_holds_videos_takes_new_ones_in_with_every_query(
    likebut: Run, drawn: Path, films: Path
) -> None:
    reference = drawn / "scene-00014.png"
    assert all(
        "video" not in hit for hit in hits(likebut, reference, "--in", films, "--recipe", "image-only")
    )
    (manifest,) = films.rglob("manifest.json")
    assert likebut("index", "build", films, "--out", manifest.parent, "--videos", "4").code == 0
    film(films / "more.mp4", [Image.open(reference).convert("RGB")] * 2)
    found = hits(likebut, reference, "--in", films, "--recipe", "image-only")
    assert found[0]["video"]["file"] == str(films / "more.mp4")
    assert len({hit["path"].partition("#")[0] for hit in found}) == 5


def test_a_zip_of_hits_holds_the_video_and_a_list_its_path(films: Path) -> None:
    frame = Frame(str(films / "clip.mp4"), 3, 4)
    trace = Trace(Query("q"), ranking=Ranking((Hit(1, 2, "clip.mp4#3of4", frame.address, 0.5),)))
    with zipfile.ZipFile(BytesIO(b"".join(zipped(trace)))) as archive:
        assert archive.read("001-clip.mp4") == (films / "clip.mp4").read_bytes()
    assert text_of(trace, "paths").decode() == f"{films / 'clip.mp4'}\n"
    assert trace_from_json(trace_to_json(trace)).ranking == trace.ranking
    with Image.open(BytesIO(small(frame.address, 96))) as shown:
        assert shown.format == "WEBP"


def test_conditions_and_removal_know_a_video_by_its_name(
    likebut: Run, drawn: Path, films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    likebut("index", "build", films, "--out", out, "--videos", "3")
    reference = drawn / "scene-00020.png"
    found = hits(likebut, reference, "--index", out, "--recipe", "image-only", "--where", "path=*.mp4")
    assert len(found) == 1
    assert likebut("index", "remove", out, "clip.mp4").code == 0
    assert Index.open(out).count == 6


def test_a_number_of_frames_that_cannot_be_is_met_with_one_line(likebut: Run, films: Path) -> None:
    outcome = likebut("index", "build", films, "--out", films.parent / "i", "--videos", "-3")
    assert (outcome.code, "no -3 frames of a video" in outcome.err) == (2, True)
    assert not (films.parent / "i").exists()
