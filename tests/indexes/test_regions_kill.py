"""kill -9 at any moment of a build with regions: at most the batch in flight is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.maintain import verify
from likebut.indexes.region_build import RegionSpec
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour, colour_vectors

KILLS = int(os.environ.get("LIKEBUT_KILLS", "6")) // 2
COUNT, BATCH, EACH = 100, 4, 5
STALE = ("regions: they belong to earlier rows of the index",)
PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from likebut.indexes.build import build
from likebut.indexes.region_build import RegionSpec
from tests.indexes.conftest import MeanColour

class Slow(MeanColour):
    def encode_prepared(self, batch):
        rows = super().encode_prepared(batch)
        time.sleep(0.005)
        with open(sys.argv[4], "a") as log:
            log.write("\\n" * len(batch))
        return rows

print("ready", flush=True)
build([Path(sys.argv[2])], Path(sys.argv[3]), Slow(), batch_size=4, threads=2, regions=RegionSpec("crops"))
"""


def killed_after(seconds: float, gallery: Path, out: Path, log: Path) -> bool:
    """Run a slow build and kill it; False when it had finished before."""
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        str(Path(__file__).parents[2]),
        str(gallery),
        str(out),
        str(log),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_build_loses_at_most_the_batch_in_flight(number: int, tmp_path: Path) -> None:
    dice = random.Random(number)
    gallery, out, log = tmp_path / "gallery", tmp_path / "out", tmp_path / "log"
    gallery.mkdir()
    for red in range(COUNT):
        Image.new("RGB", (4, 4), (red, 50, 50)).save(gallery / f"{red:03d}.png")
    log.touch()
    previous = number % 2 == 1
    if previous:
        Image.new("RGB", (4, 4), (255, 255, 255)).save(gallery / "white.png")
        build([gallery / "white.png"], out, MeanColour(), regions=RegionSpec("crops"))
        (gallery / "white.png").unlink()
    kills = sum(killed_after(dice.uniform(0.05, 0.6), gallery, out, log) for _ in range(3))
    if previous:
        assert Index.open(out).count in (1, COUNT)
        assert verify(out).problems in ((), STALE)
    finisher = MeanColour()
    build([gallery], out, finisher, batch_size=BATCH, regions=RegionSpec("crops"))
    encoded = log.read_text().count("\n") + sum(finisher.batches)
    assert encoded - COUNT * (1 + EACH) <= BATCH * EACH * kills
    assert verify(out).problems == ()
    regions = Index.open(out).regions
    assert regions is not None
    for row in (0, 57, COUNT - 1):
        assert regions.take([row])[0] == pytest.approx(colour_vectors([(row, 50, 50)] * EACH), abs=1e-3)
    assert not (out / "regions" / ".pending").exists()
