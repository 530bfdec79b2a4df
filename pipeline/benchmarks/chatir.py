"""ChatIR (Levy et al., NeurIPS 2023): a caption and ten rounds of question and answer, and one picture.

There is no reference. Every round of a dialogue is a query of its own, by all that was said until then.
Hits@k is cumulative: a dialogue counts from the first round in which its picture was among the first k.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ConfigError, InputError
from .reading import complete, field, first_folder, read_json
from .records import Benchmark, Case, Item, Protocol
from .turns import FOLDED, JOINED, LAST, asked

# Who asks: people (VisDial), a language model, one that is not told the answers, another one. BLIP2 answers
# all but the first.
FILES = {
    "val": "VisDial_v1.0_queries_val.json",
    "val-llm": "ChatGPT_BLIP2.json",
    "val-llm-unanswered": "Unanswered_ChatGPT_BLIP2.json",
    "val-flan": "FLAN_ALPACA_XXL_BLIP2.json",
    "val-people-blip2": "Human_BLIP2.json",
}
SPLITS = tuple(FILES)
POOL = "Search_Space_val_50k.json"
ROUNDS, DIALOGUES, PICTURES = 10, 2064, 50_000
METRICS = ("dialogues:Hits@10", "Recall@10", "aspects:Recall@10", "MRR@50")


def protocol(split: str, turns: str, rounds: int = ROUNDS) -> Protocol:
    """The official numbers: the target among all pictures of the pool, cumulative over rounds."""
    variant = "" if turns == JOINED else f"+turns-{turns}"
    variant += "" if rounds == ROUNDS else f"+rounds-{rounds}"
    said = {JOINED: "all that was said, joined", LAST: "the last round alone", FOLDED: "turn by turn"}
    return Protocol(
        name=f"chatir/{split}{variant}",
        version=1,
        gallery="the pictures of the pool",
        exclude_reference=False,
        modification=said.get(turns, turns),
        correct="the picture that the dialogue is about",
        metrics=METRICS,
    )


def load(
    data: Path,
    split: str = "val",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    turns: str = JOINED,
    rounds: int = ROUNDS,
) -> Benchmark:
    """Read the dialogues and the pool (in ``data`` or its ``chatir/``, or where the official repository has
    them: ``dialogues/`` and ``ChatIR_Protocol/``); pictures lie below ``data``.

    ``rounds`` asks no later ones. Raises InputError, and ConfigError for another way of ``turns``.
    """
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 0 <= rounds <= ROUNDS:
        raise ConfigError(f"rounds={rounds} is none of 0 to {ROUNDS}")
    home = first_folder(data / "chatir", data)
    path, pool = _file(home, "dialogues", FILES[split]), _file(home, "ChatIR_Protocol", POOL)
    cases: list[Case] = []
    for number, row in enumerate(read_json(path, list, "list of dialogues")):
        cases += _dialogue(row, number, f"{path}, dialogue {number + 1}", turns, rounds)
    listed = read_json(pool, list, "list of pictures")
    if not all(isinstance(name, str) and name for name in listed):
        raise InputError(f"{pool} is no list of names")
    names = dict.fromkeys(listed)
    names |= dict.fromkeys(case.targets[0] for case in cases)
    items = tuple(Item(name, data / name) for name in names)
    whole = Benchmark("chatir", split, protocol(split, turns, rounds), tuple(cases), items)
    expected = {"queries": DIALOGUES * (rounds + 1), "pictures": PICTURES}
    return complete(whole, expected, allow_missing=allow_missing, annotations_only=annotations_only)


def _file(home: Path, folder: str, name: str) -> Path:
    """In the official folder where it is there, else in ``home``."""
    return home / folder / name if (home / folder / name).is_file() else home / name


def _dialogue(row: Any, number: int, where: str, turns: str, rounds: int) -> list[Case]:
    """A case a round, from the caption alone to the last."""
    target = field(row, "img", str, where)
    said = field(row, "dialog", list, where)
    if not said or not all(isinstance(text, str) and text.strip() for text in said):
        raise InputError(f"{where}: its dialog is no list of sentences")
    cases = []
    for last in range(min(rounds + 1, len(said))):
        modification, history = asked(said[: last + 1], turns, ", ")
        cases.append(
            Case(
                id=f"{number}:{last}",
                reference="",
                modification=modification,
                targets=(target,),
                correct=(target,),
                aspects=(f"round {last}",),
                history=history,
                group=str(number),
                turn=last,
            )
        )
    return cases
