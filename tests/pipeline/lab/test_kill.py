"""kill -9 at any moment of a comparison: what was answered is not asked again."""

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

from tests.pipeline.colours import paint_gallery
from tests.pipeline.lab.conftest import write_prompt

KILLS = int(os.environ.get("LIKEBUT_KILLS", "4"))
QUERIES = 30
ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys, time
from pathlib import Path
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.lab import folder
from likebut.pipeline.lab.comparison import compare
from likebut.pipeline.lab.queries import FileQueries
from likebut.pipeline.lab.trial import attempt
from likebut.pipeline.lab.variants import variants
from tests.pipeline.colours import colour_composer

place = Path(sys.argv[1])
recipe = load_recipe("cirevl")
reply = '{"target_caption": "blue"}'
composer = colour_composer(place, ("^(a|b):", reply), recipe=recipe)
answer = composer.reasoner.engine.generate

def slowly(requests, on_reply):
    def told(number, reply):
        time.sleep(0.01)
        with open(place / "asked", "a") as log:
            log.write(requests[number].messages[-1].text + "\\n")
        on_reply(number, reply)
    return answer(requests, told)

composer.reasoner.engine.generate = slowly
job = FileQueries(place / "queries.jsonl").open(composer, None, 0)
print("ready", flush=True)
prompts = [str(place / "a.j2"), str(place / "b.j2")]
trials = [attempt(job, one) for one in variants(recipe, prompts, ["pocket"])]
asked = {"on": "here", "protocol": "p", "recipe": "r", "stage": 1, "sample": None, "seed": 0}
folder.write(compare(trials, ["mAP@10"], asked), place / "lab")
"""


def start(place: Path) -> subprocess.Popen[bytes]:
    """The comparison in a process of its own, from the moment it begins to ask."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(place)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    return process


def test_a_comparison_killed_at_random_moments_ends_whole_and_pays_once(tmp_path: Path) -> None:
    paint_gallery(tmp_path / "gallery")
    rows = [
        {"id": str(n), "reference": "red.png", "modification": f"number {n}", "targets": ["blue.png"]}
        for n in range(QUERIES)
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for word in "ab":
        write_prompt(tmp_path, word)
    dice, killed = random.Random(5), 0
    for _ in range(KILLS):
        with start(tmp_path) as process:
            time.sleep(dice.uniform(0.05, 0.25))
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
        assert not (tmp_path / "lab").exists() or process.returncode == 0
    with start(tmp_path) as process:
        process.wait()
    assert process.returncode == 0
    assert killed
    asked = Counter((tmp_path / "asked").read_text().splitlines())
    assert len(asked) == 2 * QUERIES
    assert sum(asked.values()) - 2 * QUERIES <= killed  # the one in flight dies with its process
    figures = json.loads((tmp_path / "lab" / "comparison.json").read_text())
    assert [one["replies"]["queries"] for one in figures["variants"]] == [QUERIES, QUERIES]
    assert (tmp_path / "lab" / "index.html").stat().st_size
