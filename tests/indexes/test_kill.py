"""kill -9 at any moment of a build: the previous index stays, and the next build goes on."""

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
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour

KILLS = int(os.environ.get("LIKEBUT_KILLS", "6"))
BATCH = 4
PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from likebut.indexes.build import build
from tests.indexes.conftest import MeanColour

class Slow(MeanColour):
    def encode_prepared(self, batch):
        rows = super().encode_prepared(batch)
        time.sleep(0.004)
        with open(sys.argv[4], "a") as log:
            log.write("".join(f"{int(colour[0])}\\n" for colour in batch))
        return rows

print("ready", flush=True)
build([Path(sys.argv[2])], Path(sys.argv[3]), Slow(), batch_size=4, threads=2)
"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """200 pictures whose red tells them apart."""
    folder = tmp_path_factory.mktemp("kill") / "gallery"
    folder.mkdir()
    for red in range(200):
        Image.new("RGB", (4, 4), (red, 50, 50)).save(folder / f"{red:03d}.png")
    return folder


def killed_after(seconds, gallery, out, log):
    """Run a slow build and kill it; False when it had finished before."""
    repository = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", PROGRAM, repository, str(gallery), str(out), str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_build_loses_at_most_the_batch_in_flight(number, gallery, tmp_path):
    dice = random.Random(number)
    out, log = tmp_path / "out", tmp_path / "log"
    log.touch()
    previous = number % 2 == 1
    if previous:
        few = tmp_path / "few"
        few.mkdir()
        Image.new("RGB", (4, 4), (255, 255, 255)).save(few / "white.png")
        build([few], out, MeanColour())
    kills = sum(killed_after(dice.uniform(0, 0.35), gallery, out, log) for _ in range(2))
    if previous:
        assert Index.open(out).count in (1, 200)
        assert verify(out).problems == ()
    finisher = MeanColour()
    report = build([gallery], out, finisher, batch_size=BATCH)
    logged = len(log.read_text().splitlines())
    assert report.items == 200
    assert verify(out).problems == ()
    assert logged + report.encoded - 200 <= BATCH * kills
    index = Index.open(out)
    for item in index.items([0, 57, 199]):
        red = int(item.id.removesuffix(".png"))
        colour = index.take([item.row])[0]
        assert abs(colour[0] / colour[3] * 255 - red) < 1
    kinds = sorted(path.name.split("-")[0] for path in out.iterdir())
    assert kinds == ["items", "manifest.json", "stats", "vectors"]
