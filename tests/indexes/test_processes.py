"""Reading in processes: what threads give, and nothing is left behind however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.errors import GalleryError
from likebut.indexes.mappers import choose
from likebut.indexes.processes import in_processes
from likebut.indexes.reading import Work
from likebut.indexes.region_build import RegionSpec
from likebut.indexes.regions import earlier_regions
from likebut.indexes.scan import File, scan
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour
from tests.indexes.preparers import MeanPreparing, Travelling


@pytest.fixture
def many(gallery: Path) -> Path:
    """The three pictures, two more of other sizes, a copy, and two files that are no pictures."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(noise).save(gallery / "noise.jpg")
    Image.new("RGBA", (3, 3), (0, 0, 255, 100)).save(gallery / "thin.png")
    shutil.copy(gallery / "noise.jpg", gallery / "again.jpg")
    (gallery / "text.jpg").write_text("no picture")
    (gallery / "cut.jpg").write_bytes((gallery / "noise.jpg").read_bytes()[:900])
    return gallery


def children() -> list[psutil.Process]:
    own = psutil.Process().children()
    return [one for one in own if one.is_running() and any("indexes.child" in s for s in one.cmdline())]


def work(preparing: MeanPreparing | None = None, known: Callable[[str], bool] = lambda _: False) -> Work:
    return Work(Travelling(preparing), known, 10**9)


def test_an_index_read_by_processes_is_the_one_read_by_threads(many: Path, tmp_path: Path) -> None:
    reports = {
        name: build([many], tmp_path / name, Travelling(), threads=2, mapper=name, batch_size=2)
        for name in ("threads", "processes")
    }
    assert reports["processes"].read_by == "2 processes"
    assert reports["processes"].failed == reports["threads"].failed
    assert len(reports["threads"].failed) == 2
    one, other = (Index.open(tmp_path / name) for name in reports)
    assert one.manifest == other.manifest  # checksums of vectors and items are in it
    assert set(reports["processes"].seconds_by) == set(reports["threads"].seconds_by)
    assert not children()


def test_outcomes_are_those_of_threads_in_their_order(many: Path) -> None:
    files = scan([many]).files
    here = work()()
    for found, outcome in zip(files, in_processes(files, work(), 3, 4), strict=True):
        expected = here(found)
        assert (outcome.found, outcome.content_hash) == (expected.found, expected.content_hash)
        assert (outcome.reason, outcome.lasting) == (expected.reason, expected.lasting)
        assert (outcome.array is None) == (expected.array is None)
        if outcome.array is not None and expected.array is not None:
            np.testing.assert_array_equal(outcome.array, expected.array)
            assert outcome.array.dtype == expected.array.dtype


def test_parts_of_pictures_are_prepared_by_processes_too(many: Path, tmp_path: Path) -> None:
    rows = []
    for name in ("threads", "processes"):
        spec = RegionSpec("crops")
        build([many], tmp_path / name, Travelling(), threads=1, mapper=name, regions=spec)
        regions = earlier_regions(tmp_path / name)
        assert regions
        rows.append(regions.take(range(regions.side.manifest.count)))
    np.testing.assert_array_equal(*rows)


def test_a_decoder_that_dies_loses_its_picture_alone_and_it_is_tried_again(
    gallery: Path, tmp_path: Path
) -> None:
    killing = Travelling(MeanPreparing("kill"))
    report = build([gallery], tmp_path / "out", killing, threads=1, mapper="processes")
    assert (report.items, report.encoded) == (2, 2)
    assert [(Path(path).name, reason) for path, reason in report.failed] == [
        ("red.png", "its decoder was killed by SIGSEGV")
    ]
    again = build([gallery], tmp_path / "out", Travelling(), threads=1, mapper="processes")
    assert (again.items, again.encoded, again.failed) == (3, 1, ())


def test_a_process_that_is_killed_from_outside_is_replaced(gallery: Path) -> None:
    files = list(scan([gallery]).files) * 4
    read = in_processes(files, work(MeanPreparing(seconds=0.1)), 1, 1)
    next(read)
    children()[0].kill()
    rest = list(read)
    assert len(rest) == len(files) - 1
    assert sum(bool(outcome.reason) for outcome in rest) <= 1
    assert not rest[-1].reason


def test_a_content_that_is_known_is_not_decoded_there(gallery: Path) -> None:
    (red,) = [found for found in scan([gallery]).files if found.id == "red.png"]
    (outcome,) = in_processes([red], work(MeanPreparing("kill"), lambda _: True), 1, 1)
    assert (outcome.array, outcome.reason, len(outcome.content_hash)) == (None, "", 64)


def test_a_bug_in_preparing_is_raised_with_its_traceback(gallery: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="red") as caught:
        build([gallery], tmp_path / "out", Travelling(MeanPreparing("bug")), mapper="processes")
    assert "preparers.py" in "".join(caught.value.__notes__)
    assert not children()


def test_an_error_of_the_encoder_ends_the_processes(gallery: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the device is gone"):
        build([gallery], tmp_path / "out", Travelling(fails=True), mapper="processes")
    assert not children()


def test_processes_that_do_not_come_up_are_one_clear_line(
    gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likebut.indexes.processes._START", "raise SystemExit(9)  # {module}")
    with pytest.raises(GalleryError, match="ended with code 9 as it started") as caught:
        build([gallery], tmp_path / "out", Travelling(), mapper="processes")
    assert "threads" in caught.value.hint


def test_processes_that_would_load_much_are_started_where_somebody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("likebut.indexes.mappers.cores", lambda: 16)
    monkeypatch.setattr(MeanPreparing, "heavy", True, raising=False)
    assert choose("auto", work(), 2_000) == "threads"
    assert choose("processes", work(), 2_000) == "processes"


def test_many_files_on_many_cores_are_read_by_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("likebut.indexes.mappers.cores", lambda: 16)
    assert choose("auto", work(), 2_000) == "processes"
    assert choose("auto", work(), 1_999) == "threads"
    assert choose("threads", work(), 2_000) == "threads"
    monkeypatch.setattr("likebut.indexes.mappers.cores", lambda: 2)
    assert choose("auto", work(), 2_000) == "threads"
    assert choose("processes", work(), 1) == "processes"


def test_an_encoder_whose_preparing_does_not_travel_is_served_by_threads(
    gallery: Path, tmp_path: Path
) -> None:
    report = build([gallery], tmp_path / "out", MeanColour(), threads=2, mapper="processes")
    assert report.read_by == "2 threads"
    with pytest.raises(GalleryError, match="other processes"):
        next(in_processes([File("a", "a", 1, 1)], Work(MeanColour(), lambda _: False, 1), 1, 1))


def test_a_mapper_that_there_is_not_is_named(gallery: Path, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="no mapper 'fibres'") as caught:
        build([gallery], tmp_path / "out", Travelling(), mapper="fibres")
    assert caught.value.exit_code == 2


BUILD = """
from pathlib import Path
from likebut.indexes.build import build
from tests.indexes.preparers import MeanPreparing, Travelling
encoder = Travelling(MeanPreparing(seconds=0.2))
build([Path({gallery!r})], Path({out!r}), encoder, threads=2, mapper="processes")
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_whatever_ends_the_build_ends_its_processes_without_a_trace(
    many: Path, tmp_path: Path, paint: Callable[..., Path], how: signal.Signals
) -> None:
    for number in range(40):
        paint(many / f"{number}.png", (number, 0, 0))
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    code = BUILD.format(gallery=str(many), out=str(tmp_path / "out"))
    running = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    found = eventually(lambda: found if len(found := psutil.Process(running.pid).children()) == 2 else [])
    time.sleep(0.3)
    running.send_signal(how)
    said = running.communicate(timeout=20)[1]
    assert running.returncode == -how or (how == signal.SIGINT and "KeyboardInterrupt" in said)
    assert eventually(lambda: not any(one.is_running() for one in found))
    assert "resource_tracker" not in said
    assert "leaked" not in said
    if before:
        assert set(os.listdir("/dev/shm")) <= before


def eventually(look: Callable[[], object], seconds: float = 15) -> object:
    """What ``look`` gives as soon as it is anything, or what it gave last."""
    end = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return seen
