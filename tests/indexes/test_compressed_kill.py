"""kill -9 at any moment of compressing: the form before is whole until another is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from likebut.indexes.approximate import Approximate
from likebut.indexes.compressing import compress
from likebut.indexes.contract import Asked
from likebut.indexes.form import read_form
from likebut.indexes.maintain import remove, verify
from likebut.indexes.store import Index
from tests.clip_like import ClipLike
from tests.indexes.galleries import put

pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

KILLS = int(os.environ.get("LIKEBUT_KILLS", "6"))
WORLD = ClipLike(1200, 16)
VECTORS = WORLD.pictures(1200)
PROGRAM = """
import sys
from pathlib import Path
from likebut.indexes.compressing import compress
from likebut.indexes.maintain import remove
import faiss
folder = Path(sys.argv[1])
print("ready", flush=True)
if sys.argv[2] == "compress":
    compress(folder, 0.9, kind="pq")
else:
    remove(folder, sys.argv[2])
print("done", flush=True)
"""


def killed_after(seconds: float, folder: Path, what: str) -> float:
    """Do it in another process and kill that so many seconds after it began; how long it ran."""
    command = [sys.executable, "-c", PROGRAM, str(folder), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        began = time.monotonic()
        if seconds == float("inf"):
            process.stdout.readline()
        else:
            time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    return time.monotonic() - began


def test_a_compressing_that_is_killed_leaves_the_form_before(tmp_path: Path) -> None:
    put(tmp_path, VECTORS)
    compress(tmp_path, 0.8, kind="hnsw")
    whole = killed_after(float("inf"), tmp_path, "compress")
    rng = random.Random(0)
    for _ in range(KILLS):
        compress(tmp_path, 0.8, kind="hnsw")
        killed_after(rng.uniform(0, 1.1) * whole, tmp_path, "compress")
        form = read_form(tmp_path)
        assert form is not None
        assert form.kind in ("hnsw", "pq")
        assert verify(tmp_path).ok
        assert Index.open(tmp_path).compressed is not None
    compress(tmp_path, 0.8, kind="hnsw")
    names = sorted(path.name.split("-")[0] for path in (tmp_path / "compressed").iterdir())
    assert names == ["compressed", "keys", "manifest.json", "rows"]


def test_a_removal_that_is_killed_never_leaves_a_form_that_names_wrong_rows(tmp_path: Path) -> None:
    put(tmp_path, VECTORS)
    compress(tmp_path, 0.8, kind="pq")
    queries, rng = WORLD.composed(8), random.Random(1)
    for number in range(KILLS):
        killed_after(rng.uniform(0, 0.4), tmp_path, f"0000{number:02d}*")
        index = Index.open(tmp_path)
        found = Approximate(few=0).search([Asked(index, queries)], 5)
        for n, rows in enumerate(found.rows):
            scores = index.take(rows).astype(np.float64) @ queries[n].astype(np.float64)
            np.testing.assert_allclose(scores, found.scores[n], atol=1e-6)
        remove(tmp_path, "nothing-of-the-kind")  # brings the form up where the kill left it behind
        assert verify(tmp_path).ok
        assert Index.open(tmp_path).compressed is not None
