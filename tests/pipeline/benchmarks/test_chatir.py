"""ChatIR: the official layout, its cumulative Hits@10, and dialogues that stay whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline import benchmarks
from likebut.pipeline.benchmarks.captions import in_caption_space
from likebut.pipeline.benchmarks.chatir import protocol
from likebut.pipeline.benchmarks.records import Case
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.evaluation import judging, runs
from likebut.pipeline.evaluation.evaluate import Evaluation, sample
from likebut.pipeline.evaluation.metrics import cumulative, in_order
from likebut.pipeline.tuning.halves import check_labels
from tests.pipeline.benchmarks.conftest import picture
from tests.pipeline.colours import COLOURS, colour_composer

DIALOGUES = [
    {"img": "pool/blue.jpg", "dialog": ["a picture", "is it red? no", "which colour is it? blue"]},
    {"img": "pool/red.jpg", "dialog": ["a red square", "is it large? no", "is it grey? no"]},
]


def laid_out(folder: Path, home: str = "") -> Path:
    place = folder / home
    place.mkdir(parents=True, exist_ok=True)
    for name, colour in COLOURS.items():
        picture(folder / "pool" / f"{name}.jpg", colour)
    for file in ("VisDial_v1.0_queries_val.json", "ChatGPT_BLIP2.json"):
        (place / file).write_text(json.dumps(DIALOGUES))
    names = [f"pool/{name}.jpg" for name in COLOURS]
    (place / "Search_Space_val_50k.json").write_text(json.dumps(names))
    return folder


@pytest.mark.parametrize("home", ["", "chatir"])
def test_every_round_is_a_query_by_all_that_was_said(tmp_path: Path, home: str) -> None:
    read = benchmarks.load("chatir", laid_out(tmp_path, home), allow_missing=True)
    assert [case.id for case in read.cases] == ["0:0", "0:1", "0:2", "1:0", "1:1", "1:2"]
    assert read.cases[2].modification == "a picture, is it red? no, which colour is it? blue"
    assert (read.cases[2].reference, read.cases[2].targets) == ("", ("pool/blue.jpg",))
    assert read.protocol.name == "chatir/val"
    assert len(read.items) == 4


def test_rounds_may_be_folded_or_asked_alone_and_fewer(tmp_path: Path) -> None:
    folded = benchmarks.load("chatir", laid_out(tmp_path), allow_missing=True, turns="folded", rounds=1)
    assert [(case.modification, case.history) for case in folded.cases[:2]] == [
        ("a picture", ()),
        ("is it red? no", ("a picture",)),
    ]
    assert len(folded.cases) == 4
    last = benchmarks.load("chatir", tmp_path, allow_missing=True, turns="last")
    assert [case.modification for case in last.cases[:3]] == DIALOGUES[0]["dialog"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"turns": "all"}, "turns='all'"),
        ({"rounds": 11}, "rounds=11"),
        ({"rounds": "all"}, "rounds=all"),
        ({"rounds": True}, "rounds=True"),
    ],
)
def test_other_options_are_refused(tmp_path: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        benchmarks.load("chatir", laid_out(tmp_path), allow_missing=True, **options)


@pytest.mark.parametrize(
    "wrong",
    [{"img": 3, "dialog": ["a"]}, {"img": "a"}, {"img": "a", "dialog": []}, {"img": "a", "dialog": [1]}],
)
def test_what_is_no_dialogue_is_named(tmp_path: Path, wrong: object) -> None:
    laid_out(tmp_path)
    (tmp_path / "VisDial_v1.0_queries_val.json").write_text(json.dumps([*DIALOGUES, wrong]))
    with pytest.raises(InputError, match="dialogue 3"):
        benchmarks.load("chatir", tmp_path, allow_missing=True)


def test_less_than_the_official_files_hold_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"6 queries of 22,704; 4 pictures of 50,000"):
        benchmarks.load("chatir", laid_out(tmp_path))


@pytest.mark.parametrize("split", ["val", "val-llm"])
def test_the_official_files_are_read(split: str, official: Path) -> None:
    read = benchmarks.load("chatir", official, split, annotations_only=True)
    assert len(read.cases) == 2064 * 11
    assert read.cases[1].modification.startswith("a bedroom is filled with lots of posters and a busy")
    assert read.cases[10].group == "0"
    assert read.cases[11].group == "1"


def test_a_dialogue_counts_from_the_first_round_in_which_it_was_found() -> None:
    assert cumulative("Hits@10", [0.0, 1.0, 0.0]) == {
        "Hits@10": 1.0,
        "Hits@10 round 0": 0.0,
        "Hits@10 round 1": 1.0,
        "Hits@10 round 2": 1.0,
    }


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**31))
def test_hits_are_those_of_the_papers_formula(dialogues: int, rounds: int, seed: int) -> None:
    """The official scorer: ranks (rounds, dialogues), the running minimum over rounds, < 10."""
    ranks = np.random.default_rng(seed).integers(0, 25, (rounds, dialogues))
    names = [f"p{n}" for n in range(25)]
    cases: list[Case] = []
    rows: dict[str, dict[str, float]] = {}
    rules = protocol("val", "joined")
    for dialogue in range(dialogues):
        for turn in range(rounds):
            case = Case(
                f"{dialogue}:{turn}", "", "x", ("target",), ("target",), group=str(dialogue), turn=turn
            )
            order = list(names)
            order.insert(int(ranks[turn, dialogue]), "target")
            cases.append(case)
            rows[case.id] = judging.score(case, rules, in_order(order))
    found = judging.of_groups(cases, rules, rows)
    best = np.minimum.accumulate(ranks, 0) < 10
    for turn in range(rounds):
        mean = np.mean([row[f"Hits@10 round {turn}"] for row in found.values()])
        assert abs(mean - best[turn].mean()) < 1e-12


def rounds(*turns: int) -> list[Case]:
    return [Case(f"0:{turn}", "", "x", group="0", turn=turn) for turn in turns]


def test_a_dialogue_that_is_not_answered_whole_counts_as_far_as_it_goes() -> None:
    rules = protocol("val", "joined")
    found = {"0:0": {"Recall@10": 0.0}, "0:1": {"Recall@10": 1.0}, "0:2": {"Recall@10": 0.0}}
    whole = {"Hits@10": 1.0, "Hits@10 round 0": 0.0, "Hits@10 round 1": 1.0, "Hits@10 round 2": 1.0}
    # Lines of a run that was stopped may lie in any order.
    assert judging.of_groups(rounds(2, 0, 1), rules, found) == {"dialogues:0": whole}
    first = {"Hits@10": 0.0, "Hits@10 round 0": 0.0}
    assert judging.of_groups(rounds(0, 2), rules, found) == {"dialogues:0": first}
    assert judging.of_groups(rounds(1, 2), rules, found) == {"dialogues:0": {}}


def test_both_halves_have_whole_dialogues() -> None:
    cases = [Case(f"{d}:{r}", "", "x", ("t",), group=str(d)) for d in range(30) for r in range(11)]
    check_labels(cases)
    with pytest.raises(InputError, match="has no labelled query"):
        check_labels(cases[:11])


def test_fewer_rounds_are_another_protocol(tmp_path: Path) -> None:
    read = benchmarks.load("chatir", laid_out(tmp_path), allow_missing=True, turns="last", rounds=1)
    assert read.protocol.name == "chatir/val+turns-last+rounds-1"


def test_the_folders_of_the_official_repository_are_read(tmp_path: Path) -> None:
    laid_out(tmp_path)
    pool, dialogues = tmp_path / "ChatIR_Protocol", tmp_path / "dialogues"
    for folder in (pool, dialogues):
        folder.mkdir()
    (tmp_path / "Search_Space_val_50k.json").rename(pool / "Search_Space_val_50k.json")
    (tmp_path / "ChatGPT_BLIP2.json").rename(dialogues / "Human_BLIP2.json")
    read = benchmarks.load("chatir", tmp_path, "val-people-blip2", allow_missing=True)
    assert (len(read.cases), len(read.items)) == (6, 4)


def test_a_lot_and_a_limit_take_whole_dialogues() -> None:
    cases = [Case(f"{d}:{r}", "", "x", group=str(d)) for d in range(5) for r in range(3)]
    chosen = sample(cases, 2, 1, None)
    assert len(chosen) == 6
    assert len({case.group for case in chosen}) == 2
    assert [case.id for case in sample(cases, None, 0, 1)] == ["0:0", "0:1", "0:2"]


def test_a_run_has_the_numbers_of_dialogues_and_of_rounds(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    read = benchmarks.load("chatir", laid_out(tmp_path / "data"), allow_missing=True)
    Evaluation(read, read.cases, composer, tmp_path / "run", tmp_path / "i.index").run({})
    numbers = runs.summary(runs.open_run(tmp_path / "run"))["metrics"]
    assert numbers["Hits@10 round 0"]["n"] == 2
    assert numbers["Recall@10"]["n"] == 6
    assert numbers["Hits@10"]["mean"] == 1.0  # of four pictures


def test_captions_stand_in_for_the_pictures(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    read = benchmarks.load("chatir", laid_out(tmp_path / "data"), allow_missing=True)
    texts = {f"pool/{name}.jpg": (f"a {name} square",) for name in COLOURS}
    smaller, captions = in_caption_space(read, texts)
    job = Evaluation(
        smaller, smaller.cases, composer, tmp_path / "run", tmp_path / "i.index", captions=captions
    )
    job.run({})
    first = runs.open_run(tmp_path / "run").results[3]
    assert (first.error, first.ranking[0][0]) == ("", "pool/red.jpg")
