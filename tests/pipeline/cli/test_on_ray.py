"""`--on` with a real Ray of two workers: what commands leave is that of one machine, whoever is killed.

More kills: ``LIKEBUT_KILLS=20``.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from likebut.indexes.build import build
from likebut.pipeline.asking import afar
from likebut.pipeline.asking.ledger import Ledger, beside, total
from likebut.pipeline.batch.captioning import caption_index, captioner_of
from likebut.pipeline.batch.run import run_batch
from likebut.pipeline.benchmarks import load
from likebut.pipeline.errors import BudgetReached
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.pocket.draw import draw_gallery
from likebut.pipeline.setup.assembly import elsewhere, open_encoder
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.setup.session import open
from tests.pipeline.cli.slowly import Slowly

ray = pytest.importorskip(
    "ray", reason="needs the extra ray, which is too large to be installed everywhere"
)
KILLS = int(os.environ.get("LIKEBUT_KILLS", "2"))
QUERIES = 8
ROOT = Path(__file__).parents[3]
PROFILE = """
description = "Models of the tests"

[captioner]
engine = "scripted"
model = "{folder}/captioner.json"
batch_size = 2

[reasoner]
engine = "scripted"
model = "{folder}/reasoner.json"
batch_size = 2

[encoder]
encoder = "open_clip"
model = "pocket:clip"
device = "cpu"
"""


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[str]:
    """A Ray of this machine with two processors: two workers; its address."""
    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20
    )
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn gallery with its index, and a profile whose models say what is written down for them."""
    folder = tmp_path_factory.mktemp("afar")
    draw_gallery(folder / "gallery", 4 * QUERIES, seed=4, queries=QUERIES)
    names = sorted(picture.name for picture in (folder / "gallery").glob("*.png"))
    seen = [{"match": name, "reply": f"the picture {name}"} for name in names]
    said = [{"match": ".", "reply": '{"reasoning": "so", "target_caption": "a red apple at night"}'}]
    for name, script in (("captioner", seen), ("reasoner", said)):
        (folder / f"{name}.json").write_text(json.dumps(script), encoding="utf-8")
    (folder / "scripts.toml").write_text(PROFILE.format(folder=folder), encoding="utf-8")
    build([folder / "gallery"], folder / "index", open_encoder(setup_of(folder, "cache")))
    return folder


def setup_of(place: Path, cache: str, **more: Any) -> Setup:
    profile = str(place / "scripts.toml")
    files: dict[str, Any] = {"index": place / "index", "cache": place / f"{cache}.sqlite"}
    return Setup(**{"recipe": "cirevl", "profile": profile, **files, **more})


def batch(place: Path, out: Path, setup: Setup) -> None:
    """The queries of the gallery, answered into ``out``."""
    gc.collect()  # workers of what failed before go with its frames
    budget = setup.budget(beside(out))
    run_batch(place / "gallery" / "queries.jsonl", out, open(setup, budget=budget), k=5)


def caption(place: Path, out: Path, setup: Setup) -> None:
    """The pictures of a copy of the index, described."""
    gc.collect()
    if not out.exists():
        shutil.copytree(place / "index", out)
    composer = open(replace(setup, index=None, recipe="weimocir"), budget=setup.budget(beside(out)))
    caption_index(out, captioner_of(composer, prompt="describe/dense", captions=1))


def evaluation(place: Path, out: Path, setup: Setup) -> None:
    """A run over the drawn benchmark; with the pocket models, its index and all."""
    gc.collect()
    benchmark = load("pocket", place / "gallery")
    composer = open(replace(setup, index=None), budget=setup.budget(out / runs.SPENDING))
    index = place / f"{out.name}.index" if setup.profile == "pocket" else place / "shared.index"
    job = Evaluation(benchmark, benchmark.cases, composer, out, index, None, elsewhere(setup))
    job.run({})


def without_times(value: Any) -> Any:
    """JSON without what differs between two runs of one machine: seconds."""
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name != "seconds"}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def lines_of(path: Path) -> list[Any]:
    return [without_times(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def answers_in(lines: list[Any]) -> list[Any]:
    """What was understood and found: a run that was interrupted finds some replies in the cache."""
    return [{name: part for name, part in line.items() if name != "exchanges"} for line in lines]


def outcome(path: Path) -> Any:
    """What a command left: its lines, or the files of its folder with their bytes."""
    if path.is_file():
        return lines_of(path)
    names = ("log.jsonl", "spending.jsonl", "metrics.json")  # with seconds, and with what a kill repeats
    files = {str(p.relative_to(path)): p for p in path.rglob("*") if p.is_file() and p.name not in names}
    return {name: file.read_bytes() for name, file in files.items()}


Doing = Callable[[Path, Path, Setup], None]
COMMANDS = {"batch": batch, "caption": caption, "eval": evaluation}


@pytest.fixture(scope="module")
def alone(place: Path) -> dict[str, Any]:
    """What each command leaves that is done by this machine alone."""
    for name, command in COMMANDS.items():
        command(place, place / f"alone.{name}", setup_of(place, f"alone {name}"))
    return {name: outcome(place / f"alone.{name}") for name in COMMANDS}


@pytest.mark.timeout(1200)
def test_with_real_models_an_evaluation_builds_its_index_and_is_that_of_one_machine(place: Path) -> None:
    for name, on in (("here", None), ("there", "local")):
        evaluation(place, place / name, setup_of(place, name, recipe="likebut", profile="pocket", on=on))
    assert outcome(place / "there") == outcome(place / "here")
    assert outcome(place / "there.index") == outcome(place / "here.index")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_outcome_is_that_of_one_machine(place: Path, alone: dict[str, Any], name: str) -> None:
    out = place / f"there.{name}"
    COMMANDS[name](place, out, setup_of(place, f"there {name}", on="local"))
    assert outcome(out) == alone[name]


def test_every_answer_is_in_the_users_cache_and_costs_what_it_costs_here(
    place: Path, alone: dict[str, Any]
) -> None:
    out = place / "there.batch"
    if not out.exists():  # this test runs alone
        batch(place, out, setup_of(place, "there batch", on="local"))
    here, there = (total(Ledger(beside(place / f"{who}.batch")).tallies) for who in ("alone", "there"))
    assert there.calls == here.calls > QUERIES
    assert (there.prompt_tokens, there.reply_tokens) == (here.prompt_tokens, here.reply_tokens)
    batch(place, place / "again.jsonl", setup_of(place, "there batch"))
    assert total(Ledger(beside(place / "again.jsonl")).tallies).calls == 0


def test_a_limit_of_calls_holds_over_all_workers(place: Path, alone: dict[str, Any]) -> None:
    out = place / "limited.jsonl"
    setup = setup_of(place, "limited", on="local")
    with pytest.raises(BudgetReached, match="4 calls of --max-calls 4"):
        batch(place, out, replace(setup, max_calls=4))
    assert total(Ledger(beside(out)).tallies).calls == 4
    assert 0 < len(lines_of(out)) < QUERIES
    batch(place, out, replace(setup, on=None))
    assert answers_in(lines_of(out)) == answers_in(alone["batch"])


class Killer(threading.Thread):
    """Kills workers, one by one, at moments that the seed chooses, until it is stopped."""

    def __init__(self, most: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.most, self.dice, self.killed, self.over = most, random.Random(seed), 0, threading.Event()

    def run(self) -> None:
        while self.killed < self.most and not self.over.wait(self.dice.uniform(0.2, 3.0)):
            names = psutil.process_iter(["name"])
            there = [one for one in names if (one.info["name"] or "").startswith("ray::_Worker")]
            if there:
                self.dice.choice(there).send_signal(signal.SIGKILL)
                self.killed += 1


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", COMMANDS)
def test_workers_killed_at_random_moments_lose_nothing(
    place: Path, alone: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(afar, "Wanted", Slowly)
    killed, number = 0, 0
    while killed < KILLS:
        killer = Killer(KILLS - killed, number)
        killer.start()
        out = place / f"killed {number}.{name}"
        COMMANDS[name](place, out, setup_of(place, f"killed {number} {name}", on="local"))
        killer.over.set()
        killer.join()
        killed, number = killed + killer.killed, number + 1
        assert outcome(out) == alone[name]
    print(f"{killed} workers killed in {number} runs of {name}")


def likebut_on(address: str, place: Path, out: Path, cache: str) -> list[str]:
    """The command of a batch on a cluster, which gives up a lost head soon."""
    program = (
        "from likebut.indexes import watching\nwatching.PATIENCE = 3.0\n"
        "from likebut.pipeline.asking import afar\n"
        "from tests.pipeline.cli.slowly import Slowly\nafar.Wanted = Slowly\n"
        "from likebut.pipeline.cli.program import main\nmain()"
    )
    where = ["--index", str(place / "index"), "--profile", str(place / "scripts.toml"), "-k", "5"]
    files = [
        "--recipe",
        "cirevl",
        "--out",
        str(out),
        "--cache",
        str(place / f"{cache}.sqlite"),
        "--on",
        address,
    ]
    queries = str(place / "gallery" / "queries.jsonl")
    return [sys.executable, "-c", program, "batch", queries, *where, *files]


def kept_in(out: Path) -> int:
    """How many calls have been answered and written down."""
    return len(beside(out).read_bytes().splitlines()) if beside(out).exists() else 0


def wait_for(calls: int, out: Path, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and kept_in(out) < calls:
        time.sleep(0.02)


def test_a_driver_that_was_killed_is_continued_from_the_last_reply(
    place: Path, alone: dict[str, Any], cluster: str
) -> None:
    out = place / "driver.jsonl"
    with subprocess.Popen(likebut_on(cluster, place, out, "driver"), cwd=ROOT, text=True) as process:
        wait_for(4, out, process)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = total(Ledger(beside(out)).tallies).calls
    batch(place, out, setup_of(place, "driver"))
    whole = total(Ledger(beside(place / "alone.batch")).tallies).calls
    # the last reply was in the ledger, and may not yet have been in the cache
    assert kept >= 3
    assert whole <= total(Ledger(beside(out)).tallies).calls <= whole + 1
    assert answers_in(lines_of(out)) == answers_in(alone["batch"])


HEAD = """
import time, ray
ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
print(ray.get_runtime_context().gcs_address, flush=True)
time.sleep(600)
"""


@pytest.fixture
def head() -> Iterator[tuple[str, Callable[[], None]]]:
    """A cluster of another process: its address, and what ends all of it at once."""
    with subprocess.Popen(
        [sys.executable, "-c", HEAD], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout

        def end() -> None:
            for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                one.kill()

        yield process.stdout.readline().strip(), end
        if process.poll() is None:
            end()


def test_a_head_that_is_lost_is_one_line_and_the_same_command_goes_on(
    place: Path, alone: dict[str, Any], head: tuple[str, Callable[[], None]]
) -> None:
    address, end = head
    out, command = place / "head.jsonl", likebut_on(address, place, place / "head.jsonl", "head")
    with subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE) as process:
        wait_for(4, out, process)
        end()
        _, said = process.communicate(timeout=120)
    assert process.returncode == 4, said
    (line,) = (line for line in said.splitlines() if line.startswith("error"))
    assert f"the Ray cluster at {address} was lost (its head does not answer)" in line
    assert "run the same command again" in line
    assert "Traceback" not in said
    kept = total(Ledger(beside(out)).tallies).calls
    batch(place, out, setup_of(place, "head"))
    whole = total(Ledger(beside(place / "alone.batch")).tallies).calls
    assert kept >= 4
    assert total(Ledger(beside(out)).tallies).calls == whole
    assert answers_in(lines_of(out)) == answers_in(alone["batch"])
