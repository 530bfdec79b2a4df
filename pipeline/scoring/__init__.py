"""Families of scores, one per file; see ``contract``."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import ConfigError, did_you_mean
from .contract import Candidates, Family

FAMILIES: dict[str, Family] = {
    "linear": Family("likebut.pipeline.scoring.linear", folds=True),
    "divergence": Family("likebut.pipeline.scoring.divergence", {"places": 5, "temperature": 0.04}),
    "increment": Family("likebut.pipeline.scoring.increment", {"gain": 0.13, "loss": 2.1}),
    "product": Family("likebut.pipeline.scoring.product", {"share": 1.0}),
    "gated": Family("likebut.pipeline.scoring.gated", {"beta": 0.25, "strength": 4.0, "margin": 0.1}),
    "slerp": Family("likebut.pipeline.scoring.slerp", {"from": 0.7, "step": 0.1, "pool": 100}),
    "filtered": Family("likebut.pipeline.scoring.filtered", {"keep": 100}),
    "harris": Family("likebut.pipeline.scoring.harris", {"edge": 0.1}),
    "binding": Family("likebut.pipeline.scoring.binding", {"margin": 0.0}, captions=True),
    "sync": Family(
        "likebut.pipeline.scoring.sync", {"nearest": 3, "share": 1.0, "shortlist": 100}, captions=True
    ),
}


def parts(family: str, asked: Candidates, numbers: Mapping[str, float]) -> dict[str, Any]:
    """What the score of every row is the sum of: (n,) arrays by name; ``numbers`` as a recipe says."""
    kind = FAMILIES[family]
    found: dict[str, Any] = import_module(kind.target).score(asked, {**kind.numbers, **numbers})
    return found


def folds(family: str, asked: Candidates) -> dict[str, Any]:
    """The `Fold` of every side, of a family that folds."""
    found: dict[str, Any] = import_module(FAMILIES[family].target).folds(asked)
    return found


def check(family: str, numbers: Mapping[str, float], where: str) -> None:
    """Raises ConfigError for an unknown score family, or a number that it does not have."""
    if family not in FAMILIES:
        raise ConfigError(f"{where}: no score family {family!r}", did_you_mean(family, list(FAMILIES)))
    known = FAMILIES[family].numbers
    for name in numbers:
        if name not in known:
            hint = did_you_mean(name, list(known))
            raise ConfigError(f"{where}: the family {family} has no number {name!r}", hint)
