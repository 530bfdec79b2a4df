"""ChatIR (Levy et al., NeurIPS 2023): a caption and ten rounds of question and answer over COCO's pictures.

Each dialogue is asked eleven times: its caption alone, then with one round more each time. There is no
reference. A dialogue counts as found at a round if its picture was among the first ten at that round or at
any before it; plain Recall@10, over all rounds and by round, says what a round finds by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InputError, did_you_mean
from .reading import complete, field, read_json
from .records import Benchmark, Case, Item, Protocol

# Who asks and who answers: people and people, people and BLIP2, and language models and BLIP2.
FILES = {
    "val": "VisDial_v1.0_queries_val.json",
    "human-blip2": "Human_BLIP2.json",
    "chatgpt-blip2": "ChatGPT_BLIP2.json",
    "unanswered-chatgpt-blip2": "Unanswered_ChatGPT_BLIP2.json",
    "flan-alpaca-blip2": "FLAN_ALPACA_XXL_BLIP2.json",
}
SPLITS = tuple(FILES)
SEARCH_SPACE = "Search_Space_val_50k.json"
ROUNDS = 10
DIALOGUES, PICTURES = 2064, 50_000
K = 10
SEPARATOR = ", "
TURNS: dict[str, str] = {
    "joined": f'the caption and the rounds so far, joined by "{SEPARATOR}"',
    "last": "the last round alone, the caption at round 0",
    "folded": "the last round, with the caption and the rounds before it as the dialogue's history",
}
Told = tuple[str, tuple[str, ...]]  # the sentence, and the history

_TELLING: dict[str, Callable[[Sequence[str]], Told]] = {
    "joined": lambda said: (SEPARATOR.join(said), ()),
    "last": lambda said: (said[-1], ()),
    "folded": lambda said: (said[-1], tuple(said[:-1])),
}


def protocol(split: str, *, turns: str = "joined", rounds: int = ROUNDS) -> Protocol:
    """Cumulative Hits@10 as the official script counts it, ties against the target.

    "joined" is how that script makes a query of a dialogue.
    """
    variant = ("" if turns == "joined" else f"+{turns}") + ("" if rounds == ROUNDS else f"+rounds{rounds}")
    return Protocol(
        name=f"chatir/{split}{variant}",
        version=1,
        gallery="the 50,000 pictures of the search space",
        exclude_reference=False,
        modification=TURNS[turns],
        correct=f"the dialogue's picture; Hits@{K}:roundN: among the first {K} at any round up to N",
        metrics=(
            f"Recall@{K}",
            *(f"groups:Hits@{K}:round{n}" for n in range(rounds + 1)),
            f"aspects:Recall@{K}",
        ),
    )


def load(
    data: Path,
    split: str = "val",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    turns: str = "joined",
    rounds: int = ROUNDS,
) -> Benchmark:
    """Read the dialogues and the search space (in ``dialogues/`` and ``ChatIR_Protocol/``, or ``data``
    itself), and the pictures by their names there (below ``data``, or its ``COCO2017_unlabeled/``).

    ``turns`` says what of a dialogue is the query (see `TURNS`), ``rounds`` up to which one is asked.
    Raises InputError, and ConfigError for options that are none.
    """
    _check(turns, rounds)
    path = _first(data / "dialogues" / FILES[split], data / FILES[split])
    listed = _first(data / "ChatIR_Protocol" / SEARCH_SPACE, data / SEARCH_SPACE)
    names = _search_space(listed)
    known, cases = set(names), []
    for number, row in enumerate(read_json(path, list, "list of dialogues")):
        where = f"{path}, entry {number}"
        target, said = _dialogue(row, rounds, where)
        if target not in known:
            raise InputError(f"{where}: the picture {target!r} is not in the search space {listed.name}")
        cases += [
            _case(number, turn, target, _TELLING[turns](said[: turn + 1])) for turn in range(rounds + 1)
        ]
    folders = (data, data / "COCO2017_unlabeled")
    home = next((one for one in folders if (one / names[0]).parent.is_dir()), data)
    items = tuple(Item(name, home / name) for name in names)
    whole = Benchmark("chatir", split, protocol(split, turns=turns, rounds=rounds), tuple(cases), items)
    expected = {"queries": DIALOGUES * (rounds + 1), "pictures": PICTURES}
    return complete(whole, expected, allow_missing=allow_missing, annotations_only=annotations_only)


def _check(turns: str, rounds: int) -> None:
    if turns not in TURNS:
        raise ConfigError(f"chatir has no turns {turns!r}", did_you_mean(str(turns), list(TURNS)))
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 0 <= rounds <= ROUNDS:
        raise ConfigError(f"rounds={rounds} is no number of rounds", f"choose 0 to {ROUNDS}")


def _first(*paths: Path) -> Path:
    """The first file that exists, else the last of all: ``data`` is then what the error names."""
    return next((path for path in paths if path.is_file()), paths[-1])


def _search_space(path: Path) -> list[str]:
    names = read_json(path, list, "search space")
    wrong = next((n for n, name in enumerate(names) if not isinstance(name, str) or not name), None)
    if wrong is not None or not names:
        raise InputError(f"{path}, entry {wrong or 0}: the name of a picture was expected")
    if len(set(names)) < len(names):
        twin = next(name for n, name in enumerate(names) if name in set(names[:n]))
        raise InputError(f"{path}: {twin!r} is there twice")
    return list(names)


def _dialogue(row: Any, rounds: int, where: str) -> tuple[str, list[str]]:
    """The picture of a dialogue, and its texts up to the last round that is asked."""
    target = str(field(row, "img", str, where))
    said = field(row, "dialog", list, where)[: rounds + 1]
    if not all(isinstance(text, str) and text.strip() for text in said):
        raise InputError(f"{where}: a text of the dialogue is empty or none")
    if len(said) <= rounds:
        hint = "-o rounds=N asks up to an earlier one"
        raise InputError(
            f"{where}: a caption and {rounds} rounds were expected, {len(said)} texts are there", hint
        )
    return target, said


def _case(number: int, turn: int, target: str, told: Told) -> Case:
    sentence, history = told
    return Case(
        id=f"{number}:{turn}",
        reference="",
        modification=sentence,
        targets=(target,),
        correct=(target,),
        aspects=(f"round{turn}",),
        history=history,
        group=str(number),
        turn=turn,
    )
