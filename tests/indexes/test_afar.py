"""A real Ray of two workers: the index is that of one machine, whoever is killed on the way.

More kills: ``LIKEBUT_KILLS=20``.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from likebut.indexes import afar
from likebut.indexes.build import build
from likebut.indexes.cluster import Elsewhere, opened
from likebut.indexes.errors import GalleryError, IndexIncompatible
from likebut.indexes.maintain import verify
from likebut.indexes.region_build import RegionSpec
from tests.indexes.conftest import MeanColour

ray = pytest.importorskip(
    "ray", reason="needs the extra ray, which is too large to be installed everywhere"
)
KILLS = int(os.environ.get("LIKEBUT_KILLS", "3"))
BATCH = 4
NOWHERE, DEADLY = 77, 99  # reds: without a direction, and the end of who prepares it
HERE = Elsewhere("local", MeanColour)


class Slow(MeanColour):
    """Takes its time, has no vector for one red, and ends a process for another."""

    def prepare(self, image):
        colour = super().prepare(image)
        if int(colour[0]) == DEADLY:
            os._exit(1)
        return colour

    def encode_prepared(self, batch):
        time.sleep(0.02)
        rows = super().encode_prepared(batch)
        rows[[int(colour[0]) == NOWHERE for colour in batch]] = np.nan
        return rows


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """A Ray of this machine with two processors: one reads, one encodes."""
    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20
    )
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """Pictures told apart by their red, one of them without a vector, twins, and a file that is none."""
    folder = tmp_path_factory.mktemp("afar") / "gallery"
    (folder / "deep").mkdir(parents=True)
    for red in sorted({*range(200)} - {DEADLY}):
        place = folder / "deep" if red % 3 else folder
        Image.new("RGB", (4, 4), (red, 50, 50)).save(place / f"{red:03d}.png")
    for red in (3, 4, 150):
        Image.new("RGB", (4, 4), (red, 50, 50)).save(folder / f"twin of {red}.png")
    (folder / "torn.png").write_bytes((folder / "000.png").read_bytes()[:30])
    return folder


def files_of(folder):
    """Every file of an index by name, with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def local(gallery, tmp_path_factory):
    """The files of the index that this machine makes alone."""
    out = tmp_path_factory.mktemp("local") / "out"
    report = build([gallery], out, Slow(), batch_size=BATCH)
    assert (report.items, report.duplicates, len(report.failed)) == (201, 3, 2)
    return files_of(out)


def test_the_index_is_that_of_one_machine_to_the_last_byte(gallery, local, tmp_path):
    steps = []
    report = build(
        [gallery],
        tmp_path / "out",
        Slow(),
        batch_size=BATCH,
        elsewhere=Elsewhere("local", Slow),
        on_progress=lambda done, total: steps.append((done, total)),
    )
    assert files_of(tmp_path / "out") == local
    assert (report.items, report.duplicates, report.encoded) == (201, 3, 199)
    assert sorted(reason for _, reason in report.failed) == [
        "not an image",
        "the encoder gave no finite vector",
    ]
    assert steps == sorted(steps)
    assert steps[-1] == (203, 203)


def test_a_second_build_reads_only_what_is_new_and_knows_old_contents(gallery, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for name in ("000.png", "003.png"):
        (few / name).write_bytes((gallery / name).read_bytes())
    build([few], tmp_path / "out", MeanColour(), elsewhere=HERE)
    (few / "again.png").write_bytes((gallery / "003.png").read_bytes())
    (few / "new.png").write_bytes((gallery / "006.png").read_bytes())
    report = build([few], tmp_path / "out", MeanColour(), elsewhere=HERE)
    assert (report.reused, report.encoded, report.duplicates) == (2, 1, 1)


def test_regions_are_those_of_one_machine_too(gallery, tmp_path):
    for name, elsewhere in (("here", None), ("there", HERE)):
        build(
            [gallery / "deep"],
            tmp_path / name,
            MeanColour(),
            regions=RegionSpec("crops"),
            elsewhere=elsewhere,
        )
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")


def workers():
    """The processes in which Ray runs what it is given."""
    for process in psutil.process_iter(["name"]):
        if process.info["name"] in ("ray::_read", "ray::_Tower.encode", "ray::_Tower", "ray::IDLE"):
            yield process


class Killer(threading.Thread):
    """Kills workers, one by one, at moments and of kinds that the seed chooses, until it is stopped."""

    def __init__(self, most, seed):
        super().__init__(daemon=True)
        self.most, self.dice, self.killed, self.over = most, random.Random(seed), 0, threading.Event()

    def run(self):
        while self.killed < self.most and not self.over.wait(self.dice.uniform(0.05, 1.0)):
            there = list(workers())
            if there:
                self.dice.choice(there).send_signal(signal.SIGKILL)
                self.killed += 1


@pytest.mark.timeout(600)
def test_workers_killed_at_random_moments_lose_nothing(gallery, local, tmp_path):
    killed, number = 0, 0
    while killed < KILLS:
        killer = Killer(KILLS - killed, number)
        killer.start()
        out = tmp_path / f"out {number}"
        build([gallery], out, Slow(), batch_size=BATCH, elsewhere=Elsewhere("local", Slow))
        killer.over.set()
        killer.join()
        killed, number = killed + killer.killed, number + 1
        assert files_of(out) == local
    print(f"{killed} workers killed in {number} builds")


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from likebut.indexes.build import build
from likebut.indexes.cluster import Elsewhere
from tests.indexes.test_afar import BATCH, Slow

there = Elsewhere(sys.argv[4], Slow)
build([Path(sys.argv[2])], Path(sys.argv[3]), Slow(), batch_size=BATCH, elsewhere=there)
"""


def test_a_driver_that_was_killed_is_continued_from_what_had_come_back(gallery, local, cluster, tmp_path):
    out = tmp_path / "out"
    repository = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", PROGRAM, repository, str(gallery), str(out), cluster]
    with subprocess.Popen(command) as process:
        while process.poll() is None and len(list(out.glob(".pending/*/*.json"))) < 5:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = sum(len(json.loads(path.read_text())) for path in out.glob(".pending/*/*.json"))
    report = build([gallery], out, Slow(), batch_size=BATCH, elsewhere=Elsewhere("local", Slow))
    assert kept >= 5 * BATCH - 1  # one has no vector
    assert report.resumed == kept
    assert files_of(out) == local


def test_a_picture_that_ends_whoever_reads_it_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(afar, "RETRIES", 0)
    folder = tmp_path / "gallery"
    folder.mkdir()
    for red in (1, 2, DEADLY, 3):
        Image.new("RGB", (4, 4), (red, 50, 50)).save(folder / f"{red:03d}.png")
    report = build([folder], tmp_path / "out", Slow(), elsewhere=Elsewhere("local", Slow))
    assert report.items == 3
    assert [(Path(path).name, why) for path, why in report.failed] == [
        ("099.png", "whoever reads it crashes")
    ]
    assert verify(tmp_path / "out").problems == ()


def test_a_worker_with_other_weights_is_refused(gallery, tmp_path):
    other = Elsewhere("local", partial(MeanColour, "0" * 64))
    with pytest.raises(IndexIncompatible, match="a worker has the encoder mean-colour 000000000000"):
        build([gallery], tmp_path / "out", MeanColour(), elsewhere=other)


def no_weights():
    raise GalleryError("no weights here", "copy them", 4)


def test_what_a_worker_raises_is_said_as_if_it_had_happened_here(gallery, tmp_path):
    with pytest.raises(GalleryError, match="no weights here") as problem:
        build([gallery], tmp_path / "out", MeanColour(), elsewhere=Elsewhere("local", no_weights))
    assert (problem.value.hint, problem.value.exit_code) == ("copy them", 4)


def test_an_address_where_nobody_answers_is_one_line(tmp_path):
    program = (
        "from likebut.indexes.cluster import opened\nfrom likebut.indexes.errors import GalleryError\n"
        "try:\n    with opened('ray://127.0.0.1:9'):\n        pass\n"
        "except GalleryError as problem:\n    print(problem.exit_code, problem.message)\n"
    )
    quick = {**os.environ, "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=quick)
    assert done.stdout.startswith("4 no Ray cluster at ray://127.0.0.1:9 can be used"), done.stderr
    assert done.stdout.count("\n") == 1


def test_a_ray_that_is_open_already_stays_open():
    with opened("local"):
        pass
    assert ray.is_initialized()
