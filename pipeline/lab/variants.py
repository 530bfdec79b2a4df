"""What is compared: a prompt for one question of a recipe, and a profile; all else is equal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .. import prompting
from ..config.files import load_profile
from ..config.recipe import Recipe
from ..errors import ConfigError
from ..prompting import Prompt

STAGE = "reason/"


@dataclass(frozen=True)
class LabVariant:
    """One column of the comparison. ``folder`` is its name as a file name."""

    name: str
    prompt: Prompt
    profile: str
    recipe: Recipe
    folder: str


def variants(
    recipe: Recipe, prompts: Sequence[str], profiles: Sequence[str], question: int = 1
) -> list[LabVariant]:
    """Every prompt with every profile, profile by profile; the first is what others are held against.

    ``prompts`` are names of prompts/reason, or paths of `.j2` files; ``question`` counts from 1.
    Raises ConfigError for names that are not there, a prompt that the reason stage cannot ask, and
    where nothing is left to compare.
    """
    loaded = [_load(name) for name in prompts]
    labels = _labels([prompt.name for prompt in loaded])
    models = [load_profile(name).name for name in profiles]
    found = [
        LabVariant(name, prompt, profile, with_prompt(recipe, prompt.name, question), "")
        for profile, model in zip(profiles, _distinct(models, profiles), strict=True)
        for prompt, label in zip(loaded, labels, strict=True)
        for name in [f"{label} × {model}" if len(profiles) > 1 else label]
    ]
    twice = [one.name for number, one in enumerate(found) if one.name in _names(found[:number])]
    if twice:
        raise ConfigError(f"{twice[0]} is named twice", "name each prompt and profile once")
    if len(found) < 2:
        raise ConfigError(
            "one variant has nothing to be compared with",
            "name two prompts, or one and two profiles (--profile twice)",
        )
    return [
        LabVariant(one.name, one.prompt, one.profile, one.recipe, folder)
        for one, folder in zip(found, _folders(_names(found)), strict=True)
    ]


def with_prompt(recipe: Recipe, prompt: str, question: int) -> Recipe:
    """The recipe with another prompt for its reason question number ``question``, from 1."""
    count = len(recipe.reason)
    if not count:
        raise ConfigError(
            f"recipe {recipe.name} asks the reasoner nothing", "choose one with a [reason] stage"
        )
    if not 1 <= question <= count:
        raise ConfigError(
            f"recipe {recipe.name} has {count} reason question{'s' * (count > 1)}, not {question}",
            f"--stage 1 to {count}",
        )
    stages = list(recipe.reason)
    stages[question - 1] = stages[question - 1].model_copy(update={"prompt": prompt})
    return recipe.model_copy(update={"reason": stages})


def _load(name: str) -> Prompt:
    known = prompting.names()
    short = not name.endswith(".j2") and name not in known and STAGE + name in known
    try:
        prompt = prompting.load(STAGE + name if short else name)
    except UnicodeDecodeError as problem:
        raise ConfigError(f"the prompt {name} is not UTF-8: {problem}") from problem
    # What the reason stage will ask, before anything is paid.
    prompting.render(prompt, {"caption": "a", "modification": "b"})
    return prompt


def _labels(prompts: Sequence[str]) -> list[str]:
    """Without "reason/"; a file by its stem, or by its path where stems are equal."""
    short = [re.split(r"[/\\]", name)[-1].removesuffix(".j2") for name in prompts]
    return _distinct(short, prompts)


def _distinct(short: Sequence[str], long: Sequence[str]) -> list[str]:
    return [one if short.count(one) == 1 else other for one, other in zip(short, long, strict=True)]


def _names(found: Sequence[LabVariant]) -> list[str]:
    return [one.name for one in found]


def _folders(names: Sequence[str]) -> list[str]:
    """File names that any file system takes, each once."""
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "variant" for name in names]
    lower = [one.lower() for one in plain]
    return [
        one if lower.count(one.lower()) == 1 else f"{number}-{one}" for number, one in enumerate(plain, 1)
    ]
