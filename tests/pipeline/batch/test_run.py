"""Batches: one line a query, safe to kill at any moment, continued by running again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline.batch.run import answers, run_batch
from likebut.pipeline.errors import InputError
from likebut.pipeline.records.queries import parse_queries, read_queries
from likebut.pipeline.records.trace import Query
from tests.pipeline.colours import colour_composer, entries, paint_gallery

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("LIKEBUT_KILLS", "5"))
SLOW_RUN = """
import sys, time
from pathlib import Path
from likebut.pipeline.batch.run import run_batch
from tests.pipeline.colours import colour_composer
folder = Path(sys.argv[1])
composer = colour_composer(folder)
real = composer.reasoner.engine.generate
def slow(requests, on_reply):
    time.sleep(0.004 * len(requests))
    with (folder / "asked.txt").open("a") as file:
        file.writelines(r.messages[-1].text.splitlines()[1] + "\\n" for r in requests)
    return real(requests, on_reply)
composer.reasoner.engine.generate = slow
print("ready", flush=True)
run_batch(folder / "queries.jsonl", folder / "out.jsonl", composer, k=1, chunk=8)
"""


def write_queries(folder: Path, count: int) -> Path:
    lines = [
        json.dumps({"id": f"q{n}", "reference": "gallery/red.png", "modification": f"blue {n}"})
        for n in range(count)
    ]
    path = folder / "queries.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def ids(path: Path) -> list[str]:
    return [json.loads(line)["query"]["id"] for line in path.read_text().splitlines()]


def test_every_query_gets_one_line_and_a_second_run_adds_none(tmp_path: Path) -> None:
    composer, out = colour_composer(tmp_path), tmp_path / "out.jsonl"
    queries = write_queries(tmp_path, 10)
    seen: list[int] = []
    report = run_batch(queries, out, composer, chunk=4, on_progress=lambda d, t: seen.append(d))
    assert (report.done, report.skipped, report.failed) == (10, 0, 0)
    assert seen == [4, 8, 10]
    again = run_batch(queries, out, composer)
    assert (again.done, again.skipped) == (0, 10)
    assert ids(out) == [f"q{n}" for n in range(10)]


def test_a_query_that_fails_is_counted_and_keeps_its_reason(tmp_path: Path) -> None:
    composer, out = colour_composer(tmp_path), tmp_path / "out.jsonl"
    queries = tmp_path / "queries.jsonl"
    queries.write_text(
        '{"id": "a", "reference": "gone.png", "modification": "x"}\n{"id": "b", "modification": "blue"}\n'
    )
    assert run_batch(queries, out, composer).failed == 1
    assert "gone.png" in json.loads(out.read_text().splitlines()[0])["error"]
    assert run_batch(queries, out, composer).failed == 1  # still told on a second run


def test_failed_queries_are_asked_again_where_that_is_wanted_and_the_others_are_not(tmp_path: Path) -> None:
    composer, out = colour_composer(tmp_path), tmp_path / "out.jsonl"
    good = composer.captioner
    queries = write_queries(tmp_path, 3)
    (tmp_path / "gallery" / "red.png").rename(tmp_path / "gallery" / "away.png")
    assert run_batch(queries, out, composer, chunk=1).failed == 3
    (tmp_path / "gallery" / "away.png").rename(tmp_path / "gallery" / "red.png")
    down = replace(composer, captioner=entries(good.cache, {"match": ".", "error": "HTTP 500"}))
    report = run_batch(queries, out, down, retry_errors=True)
    assert (report.done, report.skipped, report.failed) == (3, 0, 3)
    assert all("HTTP 500" in json.loads(line)["error"] for line in out.read_text().splitlines())
    assert run_batch(queries, out, composer).done == 0  # only where it is asked for
    lines = out.read_text().splitlines(keepends=True)
    answered = json.loads(lines[1]) | {"error": ""}
    out.write_text(lines[0] + json.dumps(answered) + "\n" + lines[2])
    report = run_batch(queries, out, composer, retry_errors=True)
    assert (report.done, report.skipped, report.failed) == (2, 1, 0)
    assert sorted(ids(out)) == ["q0", "q1", "q2"]
    assert not list(tmp_path.glob("*.tmp"))


def test_a_torn_last_line_is_made_again(tmp_path: Path) -> None:
    composer, out = colour_composer(tmp_path), tmp_path / "out.jsonl"
    queries = write_queries(tmp_path, 3)
    run_batch(queries, out, composer)
    out.write_bytes(out.read_bytes()[:-40])
    assert run_batch(queries, out, composer).done == 1
    assert ids(out) == ["q0", "q1", "q2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no query"),
        ("{nope\n", "line 1"),
        ("7\n", "line 1"),
        ('{"id": "a", "modification": "x"}\n' * 2, "twice"),
        ('{"reference": "a\\u0000b"}\n', "line 1: not a query: its reference holds a null"),
        ('{"referense": "a.png"}\n', "unknown key 'referense': did you mean 'reference'?"),
        ('{"caption": "a cat"}\n', "what is yours goes under meta"),
        ('{"modification": NaN}\n', "line 1: not a query: NaN is no JSON"),
        ('{"modification": 7}\n', "its modification is a number, and has to be a text"),
        ('{"modification": {"a": 1}}\n', "its modification is an object"),
        ('{"reference": ["a"]}\n', "its reference is a list, and has to be a text"),
        ('{"reference": false}\n', "its reference is true or false"),
        ('{"id": [1], "modification": "x"}\n', "its id is a list"),
        ('{"id": 1.5, "modification": "x"}\n', "its id is a number, and has to be a text or a whole"),
        ('["a"]\n', "line 1: not a query: it is no JSON object"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_queries(path)
    with pytest.raises(InputError, match="cannot read"):
        read_queries(tmp_path / "none.jsonl")


def test_queries_that_are_given_are_answered_in_order_or_continued(tmp_path: Path) -> None:
    lines = write_queries(tmp_path, 40).read_bytes().splitlines()
    asked = parse_queries(lines, tmp_path, "standard input")
    composer, out = colour_composer(tmp_path), tmp_path / "out.jsonl"
    assert [trace.query.id for trace in answers(asked, composer)] == [f"q{n}" for n in range(40)]
    assert run_batch(asked[:30], out, composer).done == 30
    assert run_batch(asked, out, composer).skipped == 30
    assert ids(out) == [f"q{n}" for n in range(40)]
    with pytest.raises(InputError, match="standard input, line 2"):
        parse_queries([lines[0], b"nope"], tmp_path, "standard input")


def test_a_batch_killed_at_random_moments_answers_everything_once(tmp_path: Path) -> None:
    paint_gallery(tmp_path / "gallery")
    write_queries(tmp_path, 120)
    rng = random.Random(3)
    command = [sys.executable, "-c", SLOW_RUN, str(tmp_path)]
    for _ in range(KILLS):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as run:
            assert run.stdout
            run.stdout.readline()
            time.sleep(rng.uniform(0, 0.4))
            run.send_signal(signal.SIGKILL)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert sorted(ids(tmp_path / "out.jsonl"), key=lambda q: int(q[1:])) == [f"q{n}" for n in range(120)]
    asked = (tmp_path / "asked.txt").read_text().splitlines()
    # The cache keeps each answer as it comes: only the engine's batch in flight is asked again.
    assert len(set(asked)) == 120
    assert len(asked) - 120 <= 8 * KILLS
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".part", ".tmp")]


def test_fields_of_ones_own_and_of_benchmarks_are_carried_past(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text(
        '{"id": 7, "reference": null, "modification": "blue", "targets": ["a"], "kind": "colour",'
        ' "meta": {"note": 1}}\n'
    )
    assert read_queries(path) == [Query("7", None, "blue")]
