"""kill -9 of an evaluation under a limit: what it spent is known, and never more than allowed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from likebut.pipeline.asking.ledger import Ledger, total
from likebut.pipeline.evaluation import runs
from tests.pipeline.evaluation.test_kill import QUERIES, ROOT, files, prepare

KILLS = int(os.environ.get("LIKEBUT_KILLS", "5"))
# An evaluation whose captioner and reasoner spend one budget; every answer is written down.
PROGRAM = """
import sys, time
from dataclasses import replace
from pathlib import Path
from likebut.pipeline import benchmarks
from likebut.pipeline.evaluation import evaluate; from likebut.pipeline.evaluation import runs
from likebut.pipeline.asking.budget import Budget, Limits
from likebut.pipeline.records.chat import Price; from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import BudgetReached
from likebut.pipeline.asking.ledger import Ledger
from tests.pipeline.colours import colour_composer

place, calls = Path(sys.argv[1]), int(sys.argv[2])
evaluate.CHUNK = 7
composer = replace(colour_composer(place, recipe=load_recipe("cirevl")), index=None)
budget = Budget(Limits(calls=calls), Ledger(place / "run" / runs.SPENDING))

for engine in (composer.captioner, composer.reasoner):
    engine.account = budget.account(engine.model, Price(input=1.0, output=2.0))
    def slowly(requests, on_reply, answer=engine.engine.generate):
        replies = answer(requests)
        for number, reply in enumerate(replies):
            time.sleep(0.003)
            with (place / "answered").open("a") as log:
                log.write("one\\n")
            on_reply(number, reply)
        return replies
    engine.engine.generate = slowly

benchmark = benchmarks.load("jsonl", place / "gallery")
job = evaluate.Evaluation(
    benchmark, benchmark.cases, composer, place / "run", place / "eval.index"
)
print("ready", flush=True)
try:
    job.run({})
except BudgetReached as problem:
    sys.exit(problem.exit_code)
"""


def start(place: Path, calls: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(place), str(calls)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    return process


def finish(place: Path, calls: int) -> int:
    with start(place, calls) as process:
        return process.wait()


def answered(place: Path) -> int:
    log = place / "answered"
    return len(log.read_text().splitlines()) if log.exists() else 0


def entries(place: Path) -> dict[str, dict[str, Any]]:
    """What the ledger says of each question, without the seconds."""
    lines = (place / "run" / runs.SPENDING).read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return {record["key"]: {**record, "seconds": 0} for record in records}


def test_what_was_spent_is_the_same_however_often_an_evaluation_was_killed(tmp_path: Path) -> None:
    calm, rough = prepare(tmp_path / "calm"), prepare(tmp_path / "rough")
    assert finish(calm, 10_000) == 0
    undisturbed = total(Ledger(calm / "run" / runs.SPENDING).tallies)
    assert undisturbed.calls == answered(calm) == 4 + QUERIES  # four pictures, sixty sentences
    dice, killed, limit = random.Random(5), 0, 30
    for _ in range(KILLS):
        with start(rough, limit) as process:
            time.sleep(dice.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
        spent = total(Ledger(rough / "run" / runs.SPENDING).tallies)
        # A reply is in the ledger before it is anywhere else: a kill can lose one at most.
        assert answered(rough) - killed <= spent.calls <= min(limit, answered(rough))
    assert killed > 0
    assert finish(rough, limit) == 6
    assert total(Ledger(rough / "run" / runs.SPENDING).tallies).calls == limit
    assert not (rough / "run" / "metrics.json").exists()
    assert finish(rough, 10_000) == 0
    assert files(rough / "run") == files(calm / "run")
    assert entries(rough) == entries(calm)
    spent = total(Ledger(rough / "run" / runs.SPENDING).tallies)
    assert undisturbed.calls <= spent.calls <= undisturbed.calls + killed
    assert spent.cached <= killed  # none is taken for a gift that this run has paid for
