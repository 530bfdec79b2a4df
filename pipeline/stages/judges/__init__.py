"""Judges look at the first hits once more; by name, see ``contract``."""

from __future__ import annotations

from importlib import import_module

from .contract import Judge, JudgeKind

_HERE = "likebut.pipeline.stages.judges"
JUDGES: dict[str, JudgeKind] = {
    "yes": JudgeKind(f"{_HERE}.yes:judge", "judge/yes", "judge/yes-seen", each=1),
    "list": JudgeKind(f"{_HERE}.orders:judge_list", "judge/list", "judge/list-seen", once=1, relative=True),
    "list2": JudgeKind(
        f"{_HERE}.orders:judge_list_twice", "judge/list", "judge/list-seen", once=2, relative=True
    ),
    "grid": JudgeKind(f"{_HERE}.orders:judge_grid", "judge/list", "judge/grid-seen", once=1, relative=True),
    "pair": JudgeKind(f"{_HERE}.orders:judge_pair", "judge/yes", "judge/yes-seen", each=1, relative=True),
    "questions": JudgeKind(
        f"{_HERE}.questions:judge", "judge/questions", "judge/questions", each=5, once=1
    ),
    "fitting": JudgeKind(
        f"{_HERE}.questions:judge_fitting", "judge/questions", "judge/questions", each=5, once=1
    ),
}


def make_judge(name: str) -> Judge:
    """The judge of this name. ``KeyError`` where there is none."""
    module, _, attribute = JUDGES[name].target.partition(":")
    judge: Judge = getattr(import_module(module), attribute)
    return judge
