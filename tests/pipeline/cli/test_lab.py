"""`prompts compare`, as a person runs it: a file of queries, a run, two models, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.cli.conftest import Outcome, Run
from tests.pipeline.lab.conftest import write_prompt

PROFILE = """description = "a reasoner that answers by its script"
variant = "pocket"
[captioner]
engine = "scripted"
model = "script"
options = {{ replies = [{{ match = ".", reply = "a red apple" }}] }}
[reasoner]
engine = "scripted"
model = "{name}"
options = {{ replies = [
  {{ match = "^plain:", reply = '{{"target_caption": "{said}"}}' }},
  {{ match = "^fenced:", reply = '```json {{"target_caption": "a blue cat"}} ```' }},
  {{ match = ".", reply = "I would rather not" }},
] }}
[encoder]
model = "pocket:clip"
device = "cpu"
dtype = "float32"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three prompts and two profiles."""
    for word in ("plain", "fenced", "rude"):
        write_prompt(tmp_path, word)
    for name, said in (("small", "a red apple at night"), ("large", "a green tree by day")):
        (tmp_path / f"{name}.toml").write_text(PROFILE.format(name=name, said=said))
    return tmp_path


@pytest.fixture
def compare(likebut: Run, gallery: Path, place: Path) -> Run:
    """`prompts compare` on the drawn queries, into place/lab."""

    def run(*arguments: str | Path) -> Outcome:
        words = [place / a if str(a).endswith((".j2", ".toml")) else a for a in arguments]
        on = [] if "--on" in arguments else ["--on", gallery / "queries.jsonl", "--in", gallery]
        return likebut(
            "prompts", "compare", *words, *on, "--out", place / "lab", "--cache", place / "c.sqlite"
        )

    return run


def test_prompts_are_compared_on_a_file_of_queries(compare: Run, place: Path) -> None:
    done = compare("plain.j2", "fenced.j2", "rude.j2", "--profile", "small.toml", "--sample", "8")
    assert done.code == 0, done.err
    for part in ("mAP@10", "same top 10", "p (Holm)", "strict JSON", "largest changes in mAP@10"):
        assert part in done.out
    assert "queries v1: 8 queries, 120 items, 3 variants; baseline plain" in done.err
    found = json.loads((place / "lab" / "comparison.json").read_text())
    rates = {one["name"]: one["rates"] for one in found["variants"]}
    assert rates["plain"]["strict"] == 1.0
    assert rates["fenced"]["repaired"] == 1.0
    assert rates["rude"]["fallbacks"] == 1.0
    assert found["asked"]["sample"] == 8
    assert len([one for one in found["against_baseline"] if one["p_corrected"] is not None]) == 2
    assert (place / "lab" / "index.html").is_file()


JUDGE = """
[judge]
engine = "overlap"
model = "words"
price = { input = 1.0, output = 1.0 }
"""


def test_judged_hits_are_shown_counted_and_paid_for(compare: Run, place: Path) -> None:
    """All captions are "a red apple", two words short of the wanted one, with their two neighbours."""
    text = PROFILE.format(name="judged", said="a red apple at night")
    priced = text.replace("[reasoner]", "price = { input = 1.0, output = 1.0 }\n[reasoner]")
    priced = priced.replace("[encoder]", "price = { input = 1.0, output = 1.0 }\n[encoder]")
    (place / "judged.toml").write_text(priced + JUDGE)
    profile = ("--profile", "judged.toml", "--sample", "4")
    done = compare("plain.j2", "fenced.j2", *profile, "--rerank", "yes", "--top", "3")
    assert done.code == 0, done.err
    html = (place / "lab" / "index.html").read_text()
    # four differences: p = 1 / (1 + e^(−(3 − 0.5 · 4))) = 0.73
    assert "judge 73 %" in html
    assert "Judge yes: 3 hits" in html
    found = json.loads((place / "lab" / "comparison.json").read_text())
    assert [(one["judge"], one["top"]) for one in found["asked"]["rerank"]] == [("yes", 3)]
    assert all(one["replies"]["cost"] > 0 for one in found["variants"])


def test_only_what_is_new_is_asked(compare: Run, place: Path) -> None:
    first = compare("plain.j2", "fenced.j2", "--profile", "small.toml", "--sample", "5")
    assert "plain: 0 calls made" not in first.err
    again = compare("plain.j2", "fenced.j2", "rude.j2", "--profile", "small.toml", "--sample", "5")
    assert "plain: 0 calls made, 10 from the cache" in again.err
    assert "fenced: 0 calls made, 10 from the cache" in again.err
    assert "rude: 15 calls made, 5 from the cache" in again.err  # three attempts each


def test_two_models_make_a_matrix(compare: Run, place: Path) -> None:
    done = compare(
        "plain.j2", "fenced.j2", "-p", "small.toml", "-p", "large.toml", "--sample", "4", "-f", "csv"
    )
    assert done.code == 0, done.err
    rows = done.out.splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [
        "plain × small",
        "fenced × small",
        "plain × large",
        "fenced × large",
    ]


def test_a_run_is_compared_under_its_protocol(
    likebut: Run, compare: Run, place: Path, gallery: Path
) -> None:
    made = likebut(
        "eval",
        "jsonl",
        "--data",
        gallery,
        "--profile",
        place / "small.toml",
        "--recipe",
        "cirevl",
        "--out",
        place / "runs" / "one",
        "--limit",
        "6",
        "--cache",
        place / "c.sqlite",
    )
    assert made.code == 0, made.err
    run = place / "runs" / "one"
    done = compare(
        "plain.j2",
        "rude.j2",
        "--on",
        run,
        "-p",
        "small.toml",
        "-m",
        "Recall@5",
        "-m",
        "Recall@1",
        "-f",
        "json",
    )
    assert done.code == 0, done.err
    assert "jsonl/all v1: 6 queries" in done.err
    found = json.loads(done.out)
    assert found["tested"] == ["Recall@5", "Recall@1"]
    compared = likebut("compare", place / "lab" / "plain", place / "lab" / "rude")
    assert compared.code == 0, compared.err
    unnamed = compare("plain.j2", "rude.j2", "--on", run)
    assert unnamed.code == 2
    assert "made with a profile of its own, small — name it with --profile FILE" in unnamed.err


def test_without_labels_cosines_stand_in(compare: Run, place: Path, gallery: Path) -> None:
    rows = [json.loads(line) for line in (gallery / "queries.jsonl").read_text().splitlines()[:4]]
    queries = place / "mine.jsonl"
    queries.write_text(
        "\n".join(
            json.dumps({"reference": str(gallery / row["reference"]), "modification": row["modification"]})
            for row in rows
        )
    )
    done = compare("plain.j2", "fenced.j2", "-p", "small.toml", "--on", queries, "--in", gallery)
    assert done.code == 0, done.err
    assert "no labels: cosines stand in for metrics" in done.err
    assert "target~hit@1" in done.out
    assert "Recall" not in done.out
    assert "overlap" in done.out


def test_a_query_that_fails_is_counted_and_the_rest_is_compared(
    compare: Run, place: Path, gallery: Path
) -> None:
    queries = place / "mine.jsonl"
    queries.write_text(
        json.dumps({"id": "good", "reference": str(gallery / "scene-00003.png"), "modification": "x"})
        + '\n{"id": "bad", "reference": "gone.png", "modification": "y"}\n'
    )
    done = compare(
        "plain.j2", "fenced.j2", "-p", "small.toml", "--on", queries, "--in", gallery, "-f", "json"
    )
    assert done.code == 5
    assert json.loads(done.out)["variants"][0]["replies"]["errors"] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["plain.j2"], "one variant has nothing to be compared with"),
        (["plain.j2", "cirevel"], "no prompt 'cirevel' — did you mean 'reason/cirevl'"),
        (["plain.j2", "fenced.j2", "--stage", "2"], "has 1 reason question, not 2"),
        (["plain.j2", "fenced.j2", "--metric", "Recall@7"], "no value 'Recall@7'"),
        (["plain.j2", "fenced.j2", "--data", "x"], "--data and --captions are for the run"),
        (["plain.j2", "fenced.j2", "--on", "queries.jsonl"], "name one gallery"),
    ],
)
def test_what_does_not_hold_together_is_one_line(
    compare: Run, place: Path, arguments: list[str], complaint: str
) -> None:
    done = compare(*arguments, "--profile", "small.toml")
    assert done.code == 2
    assert complaint in done.err.splitlines()[-1]
    assert not (place / "lab").exists()


def test_an_older_run_is_told_what_to_do(likebut: Run, compare: Run, place: Path, gallery: Path) -> None:
    likebut(
        "eval",
        "jsonl",
        "--data",
        gallery,
        "--recipe",
        "text-only",
        "--out",
        place / "run",
        "--limit",
        "2",
        "--cache",
        place / "c.sqlite",
    )
    (place / "run" / "source.json").unlink()
    done = compare("likebut", "cirevl", "--on", place / "run")
    assert done.code == 3
    assert "does not say where its data lie" in done.err
    assert compare("likebut", "cirevl", "--on", place / "nowhere", "--in", gallery).code == 3
