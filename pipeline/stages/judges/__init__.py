"""Judges look at the first hits once more; by name, see ``contract``."""

from __future__ import annotations

from importlib import import_module

from .contract import Judge, JudgeKind

JUDGES: dict[str, JudgeKind] = {
    "yes": JudgeKind("likebut.pipeline.stages.judges.yes:judge", "judge/yes", "judge/yes-seen")
}


def make_judge(name: str) -> Judge:
    """The judge of this name. ``KeyError`` where there is none."""
    module, _, attribute = JUDGES[name].target.partition(":")
    judge: Judge = getattr(import_module(module), attribute)
    return judge
