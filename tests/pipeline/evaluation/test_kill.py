"""kill -9 at any moment of an evaluation: the same command ends with the same files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.pipeline.colours import COLOURS, paint_gallery

KILLS = int(os.environ.get("LIKEBUT_KILLS", "6"))
QUERIES, BATCH = 60, 8
ROOT = Path(__file__).parents[3]
# An evaluation by a reasoner that takes its time and writes down what it was asked.
PROGRAM = """
import sys, time
from dataclasses import replace
from pathlib import Path
from likebut.pipeline import benchmarks
from likebut.pipeline.evaluation import evaluate
from likebut.pipeline.config.files import load_recipe
from tests.pipeline.colours import colour_composer

place, out = Path(sys.argv[1]), sys.argv[2]
evaluate.CHUNK = 7
composer = colour_composer(place, recipe=load_recipe("cirevl"))
scripted = composer.reasoner.engine
answer = scripted.generate

def slowly(requests, on_reply):
    replies = []
    for request, reply in zip(requests, answer(requests), strict=True):
        time.sleep(0.004)
        with open(place / f"{out}.asked", "a") as log:
            log.write(request.messages[-1].text.splitlines()[-1] + "\\n")
        on_reply(len(replies), reply)
        replies.append(reply)
    return replies

scripted.generate = slowly
benchmark = benchmarks.load("jsonl", place / "gallery")
job = evaluate.Evaluation(
    benchmark, benchmark.cases, replace(composer, index=None), place / out, place / "eval.index"
)
print("ready", flush=True)
job.run({})
"""


def start(place: Path, out: str) -> subprocess.Popen[bytes]:
    """The evaluation in a process of its own, from the moment it begins to answer."""
    (place / out).parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(place), out], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    return process


def prepare(place: Path) -> Path:
    """Four pictures and many queries about them."""
    paint_gallery(place / "gallery")
    names = [f"{colour}.png" for colour in COLOURS]
    rows = [
        {
            "id": f"q{n}",
            "reference": names[n % 4],
            "modification": f"blue number {n}",
            "targets": [names[(n + 1) % 4]],
        }
        for n in range(QUERIES)
    ]
    (place / "gallery" / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return place


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("results.jsonl", "metrics.json")}


def test_an_evaluation_killed_at_random_moments_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    calm, rough = prepare(tmp_path / "calm"), prepare(tmp_path / "rough")
    with start(calm, "run") as process:
        process.wait()
    dice, killed = random.Random(11), 0
    for _ in range(KILLS):
        with start(rough, "run") as process:
            time.sleep(dice.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
    with start(rough, "run") as process:
        process.wait()
    assert process.returncode == 0
    assert killed > 0
    assert files(rough / "run") == files(calm / "run")
    asked = Counter((rough / "run.asked").read_text().splitlines())
    assert len(asked) == QUERIES
    # An answer that is kept is never asked for again; a batch in flight dies with its process.
    assert sum(asked.values()) - QUERIES <= BATCH * killed
    assert not list((rough / "run").glob("*.tmp"))
