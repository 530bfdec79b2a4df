"""--max-calls, --max-cost and --dry-run, as a person meets them; a server on loopback counts calls.

The server says 11 + 5 tokens to everything. At a dollar a reply token and ten tokens at most, a call
may cost 10 dollars and does cost 5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.cli.conftest import Run
from tests.pipeline.colours import REPLY
from tests.pipeline.engines.faulty_server import FaultyServer, faulty_server

PROFILE = """
description = "a server that counts"
variant = "pocket"
[captioner]
engine = "openai"
model = "vlm"
max_tokens = 10
PRICE
options = { base_url = "URL" }
[reasoner]
engine = "openai"
model = "llm"
max_tokens = 10
PRICE
options = { base_url = "URL" }
[encoder]
model = "pocket:clip"
device = "cpu"
"""
PRICE = "price = { input = 0, output = 1_000_000 }"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    def answer(body: dict[str, Any]) -> str:
        shown = isinstance(body["messages"][-1]["content"], list)
        # A caption of its own for every picture, so that no two questions are the same.
        return f"a picture {hash(str(body['messages']))}" if shown else REPLY

    with faulty_server(answer=answer) as running:
        yield running


@pytest.fixture
def profile(server: FaultyServer, tmp_path: Path) -> Path:
    path = tmp_path / "counts.toml"
    path.write_text(PROFILE.replace("URL", server.url).replace("PRICE", PRICE))
    return path


def calls(server: FaultyServer) -> int:
    return sum(server.delivered.values())


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def paid(path: Path) -> list[Any]:
    return [line for line in lines(path) if not line["cached"]]


def test_a_batch_stops_at_a_limit_of_dollars_and_is_continued_without_paying_twice(
    likebut: Run, gallery: Path, server: FaultyServer, profile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    command = ("batch", gallery / "queries.jsonl", "--in", gallery, "--out", out, "-p", profile)
    plan = likebut(*command, "--dry-run", "-f", "jsonl")
    assert plan.code == 0, plan.err
    rows = [json.loads(line) for line in plan.out.splitlines()]
    wanted = sum(row["to_make"] for row in rows)
    assert (calls(server), out.exists()) == (0, False)
    stopped = likebut(*command, "--max-cost", "57")
    assert stopped.code == 6
    # 57 − 5 · 10 is less than the 10 that the next call may cost.
    assert calls(server) == 10
    assert "error: the budget is reached: $50.000000 of --max-cost 57, and the next" in stopped.err
    assert "the same command with a higher limit continues" in stopped.err
    assert sum("error" in line for line in stopped.err.splitlines()) == 1
    assert "calls made, 0 from the cache" in stopped.err
    finished = lines(out)
    assert len(finished) >= 4  # two calls each at most; a picture may be shared
    assert not any(line["error"] for line in finished)
    assert sum(line["cost"] for line in paid(Path(f"{out}.spending.jsonl"))) == 50
    again = likebut(*command, "--max-cost", "57")
    assert (again.code, calls(server)) == (6, 10)  # the limit is for all sessions together
    rest = likebut(*command)
    assert rest.code == 0, rest.err
    assert calls(server) == wanted == len(paid(Path(f"{out}.spending.jsonl")))
    assert len(lines(out)) == 20
    assert f"with earlier sessions: {wanted} calls made, 0 from the cache" in rest.err
    assert f"${5 * wanted:,.2f}" in rest.err


def test_an_evaluation_stops_at_a_limit_of_calls_and_is_continued_without_paying_twice(
    likebut: Run, server: FaultyServer, profile: Path, tmp_path: Path
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    command = (
        "eval",
        "pocket",
        "--data",
        data,
        "-o",
        "pictures=40",
        "-o",
        "queries=8",
        "-o",
        "seed=4",
        "-p",
        profile,
        "--out",
        run,
    )
    plan = likebut(*command, "--dry-run", "-f", "json")
    assert plan.code == 0, plan.err
    wanted = sum(row["to_make"] for row in json.loads(plan.out))
    assert (calls(server), data.exists(), run.exists()) == (0, False, False)
    stopped = likebut(*command, "--max-calls", "7")
    assert stopped.code == 6
    assert "the budget is reached: 7 calls of --max-calls 7" in stopped.err
    assert calls(server) == 7
    assert len(lines(run / "results.jsonl")) >= 3
    assert not (run / "metrics.json").exists()
    rest = likebut(*command)
    assert rest.code == 0, rest.err
    assert calls(server) == wanted == len(paid(run / "spending.jsonl"))
    assert (run / "metrics.json").exists()
    scored = likebut("score", run)
    assert f"model calls: {wanted} calls made, 0 from the cache" in scored.err
    spending = json.loads(likebut("score", run, "-f", "json").out)[0]["spending"]
    assert spending["cost"] == 5 * wanted
    # The same questions for another run are all in the cache, and counted apart.
    other = likebut(*command[:-1], tmp_path / "other", "--max-calls", "0")
    assert other.code == 0, other.err
    assert calls(server) == wanted
    spending = json.loads(likebut("score", tmp_path / "other", "-f", "json").out)[0]["spending"]
    assert (spending["made_calls"], spending["cached_calls"]) == (0, wanted)
    table = likebut("compare", run, tmp_path / "other")
    assert "cached_calls" in table.out
    assert (run / "metrics.json").read_bytes() == (tmp_path / "other" / "metrics.json").read_bytes()


def test_a_limit_is_for_all_recipes_of_one_evaluation(
    likebut: Run, server: FaultyServer, profile: Path, tmp_path: Path
) -> None:
    command = (
        "eval",
        "pocket",
        "--data",
        tmp_path / "data",
        "-o",
        "pictures=40",
        "-o",
        "queries=4",
        "-o",
        "seed=4",
        "-p",
        profile,
        "-r",
        "likebut,cirevl",
        "--out",
        tmp_path / "runs",
    )
    plan = json.loads(likebut(*command, "--dry-run", "-f", "json").out)
    by_recipe = {
        name: sum(row["to_make"] for row in plan if row["recipe"] == name) for name in ("likebut", "cirevl")
    }
    assert by_recipe["cirevl"] == 4  # its captions are those of likebut
    limit = by_recipe["likebut"] + 2
    assert likebut(*command, "--max-calls", str(limit)).code == 6
    assert calls(server) == limit
    assert likebut(*command).code == 0
    assert calls(server) == sum(by_recipe.values())


def test_a_single_query_and_a_stream_have_limits_of_their_own(
    likebut: Run, gallery: Path, reference: Path, server: FaultyServer, profile: Path
) -> None:
    stopped = likebut("query", reference, "at night", "--in", gallery, "-p", profile, "--max-calls", "1")
    assert (stopped.code, stopped.out, calls(server)) == (6, "", 1)
    done = likebut("query", reference, "at night", "--in", gallery, "-p", profile)
    assert (done.code, calls(server)) == (0, 2)
    assert "vlm: 0 calls made, 1 from the cache" in done.err
    assert "llm: 1 call made, 0 from the cache; 11 prompt + 5 reply tokens; $5.00" in done.err
    stream = likebut("batch", gallery / "queries.jsonl", "--in", gallery, "-p", profile, "--max-calls", "6")
    assert (stream.code, calls(server)) == (6, 8)
    assert len(stream.out.splitlines()) >= 3  # what was answered is printed


def test_money_cannot_be_limited_without_a_price(
    likebut: Run, gallery: Path, reference: Path, server: FaultyServer, profile: Path
) -> None:
    profile.write_text(profile.read_text().replace(PRICE, "", 1))
    ask = ("query", reference, "at night", "--in", gallery, "-p", profile)
    refused = likebut(*ask, "--max-cost", "5")
    assert (refused.code, calls(server)) == (2, 0)
    assert len(refused.err.strip().splitlines()) == 1
    assert "the profile has no price for vlm — add `price = {" in refused.err
    assert likebut(*ask, "--max-cost", "nan").code == 2
    assert likebut(*ask, "--max-cost", "-1").code == 2
    plan = likebut(*ask, "--dry-run")
    assert "no price in the profile" in plan.err
    assert "–" in plan.out
    # A recipe that does not ask the unpriced model needs no price for it.
    free = likebut(*ask, "--max-cost", "0", "-r", "image-only", "-f", "paths")
    assert free.code == 0, free.err
    told = likebut(*ask, "--max-calls", "2")
    assert "5 reply tokens; 1 without a price in the profile" in told.err


def test_a_wrong_price_is_named_with_its_key(likebut: Run, gallery: Path, profile: Path) -> None:
    for wrong, words in (
        ("price = { input = -1, output = 1 }", "captioner.price.input"),
        ("price = { input = 1 }", "captioner.price.output"),
        ("price = { input = 1, ouput = 1 }", "did you mean 'output'"),
        ("price = { input = inf, output = 1 }", "captioner.price.input"),
    ):
        path = profile.with_name("wrong.toml")
        path.write_text(profile.read_text().replace(PRICE, wrong, 1))
        done = likebut("query", "--text", "a cat", "--in", gallery, "-p", path)
        assert done.code == 2
        assert words in done.err


def test_models_in_this_process_cost_nothing_and_their_calls_can_be_limited(
    likebut: Run, gallery: Path, reference: Path
) -> None:
    ask = ("query", reference, "as a sketch", "--in", gallery)
    plan = likebut(*ask, "--dry-run")
    assert plan.code == 0, plan.err
    assert "dry run: 2 calls, 0 of them in the cache" in plan.err
    assert [line.split()[0] for line in plan.out.splitlines()] == ["stage", "describe", "reason"]
    assert likebut(*ask, "--max-calls", "1", "--max-cost", "0").code == 6
    done = likebut(*ask, "--max-cost", "0", "--explain")
    assert done.code == 0, done.err
    assert "pocket:captioner: 0 calls made, 1 from the cache" in done.err
    assert "calls made" not in likebut(*ask).err  # no money at stake, nothing said
    assert "dry run: 2 calls, 2 of them in the cache" in likebut(*ask, "--dry-run").err


def test_a_gallery_is_captioned_within_a_limit_and_continued(
    likebut: Run, gallery: Path, server: FaultyServer, profile: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(5):
        name = f"scene-{number:05d}.png"
        (pictures / name).write_bytes((gallery / name).read_bytes())
    index = tmp_path / "i"
    assert likebut("index", "build", pictures, "--out", index, "-p", profile).code == 0
    stopped = likebut("index", "caption", index, "-p", profile, "--max-calls", "3")
    assert (stopped.code, calls(server)) == (6, 3)
    done = likebut("index", "caption", index, "-p", profile)
    assert (done.code, calls(server)) == (0, 5)
    assert "5 of 5 items have captions" in done.err
    assert "with earlier sessions: 5 calls made" in done.err
    assert likebut("index", "verify", index).code == 0


def test_a_ledger_that_is_broken_is_one_line(
    likebut: Run, gallery: Path, profile: Path, tmp_path: Path
) -> None:
    (tmp_path / "out.jsonl.spending.jsonl").write_text("hello\n")
    done = likebut(
        "batch", gallery / "queries.jsonl", "--in", gallery, "-o", tmp_path / "out.jsonl", "-p", profile
    )
    assert done.code == 3
    assert "line 1: not a record of spending — move the file away" in done.err
