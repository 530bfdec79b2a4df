"""Recipes and profiles: strict, typed, and the only home of defaults.

A recipe says which stages, prompts, grains and weights (a method); a profile says which models, and
where they run. Both are TOML files, found by name in this package or by path.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigError, did_you_mean

ROLES = (
    "target_caption", "desired", "preserved", "forbidden", "modification", "reference", "caption",
)  # fmt: skip
HERE = Path(__file__).parent


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DescribeStage(_Strict):
    """The captioner's prompt and how many captions it writes."""

    prompt: str
    captions: int = Field(1, ge=1, le=15)


class ReasonStage(_Strict):
    """The reasoner's prompt and how often an unusable reply is asked for again."""

    prompt: str
    retries: int = Field(2, ge=0, le=10)


class Fusion(_Strict):
    """How grains become one score."""

    calibration: Literal["none", "zscore"] = "none"


class Recipe(_Strict):
    """A method as data; a stage that is absent is skipped."""

    name: str = ""
    description: str
    paper: str = ""
    exclude_reference: bool = True
    describe: DescribeStage | None = None
    reason: ReasonStage | None = None
    grains: dict[str, float]
    fusion: Fusion = Fusion()

    def with_weights(self, weights: dict[str, float]) -> Recipe:
        """The recipe with some weights changed. Raises ConfigError for an unknown grain."""
        for role in weights:
            check_role(role, "--weight")
        return self.model_copy(update={"grains": {**self.grains, **weights}})


class EngineChoice(_Strict):
    """One language or vision-language model and where it runs."""

    engine: str = "transformers"
    model: str
    revision: str | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(8, ge=1)
    max_tokens: int = Field(512, ge=1)
    temperature: float = Field(0.0, ge=0)
    options: dict[str, Any] = {}


class EncoderChoice(_Strict):
    """One CLIP-like encoder and where it runs."""

    encoder: str = "open_clip"
    model: str
    pretrained: str | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(64, ge=1)


class Profile(_Strict):
    """Which models play the three parts."""

    name: str = ""
    description: str
    captioner: EngineChoice
    reasoner: EngineChoice
    encoder: EncoderChoice


def check_role(role: str, where: str) -> None:
    """Raises ConfigError where ``role`` is no kind of grain."""
    if role not in ROLES:
        raise ConfigError(f"{where}: no grain {role!r}", did_you_mean(role, list(ROLES)))


def recipe_names() -> list[str]:
    """The recipes of this package."""
    return sorted(path.stem for path in (HERE / "recipes").glob("*.toml"))


def profile_names() -> list[str]:
    """The profiles of this package."""
    return sorted(path.stem for path in (HERE / "profiles").glob("*.toml"))


def recipe_path(name: str) -> Path:
    """The file of a recipe, by name or path. Raises ConfigError."""
    return _find("recipe", name, recipe_names())


def profile_path(name: str) -> Path:
    """The file of a profile, by name or path. Raises ConfigError."""
    return _find("profile", name, profile_names())


def load_recipe(name: str) -> Recipe:
    """Read and check a recipe. Raises ConfigError naming file and key."""
    path = recipe_path(name)
    recipe = _read(path, Recipe)
    for role in recipe.grains:
        check_role(role, f"{path}: [grains]")
    return recipe.model_copy(update={"name": path.stem})


def load_profile(name: str) -> Profile:
    """Read and check a profile. Raises ConfigError naming file and key."""
    path = profile_path(name)
    return _read(path, Profile).model_copy(update={"name": path.stem})


def _find(what: str, name: str, known: list[str]) -> Path:
    if name in known:
        return HERE / f"{what}s" / f"{name}.toml"
    path = Path(name)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise ConfigError(f"no {what} file {name}", "check the path")
    raise ConfigError(f"no {what} {name!r}", did_you_mean(name, known))


_Model = TypeVar("_Model", bound=_Strict)


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} is not valid TOML: {problem}") from problem
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        raise ConfigError(*_explain(path, model, problem)) from problem


def _explain(path: Path, model: type[BaseModel], problem: ValidationError) -> tuple[str, str]:
    """The first problem as (message, hint), with near names for a key that is not known."""
    first = problem.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{path}: unknown key {key!r}", did_you_mean(
            str(first["loc"][-1]), _keys(model, first["loc"])
        )
    more = problem.error_count() - 1
    return f"{path}: {key}: {first['msg']}" + (f" (and {more} more)" if more else ""), ""


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation
        choices = getattr(annotation, "__args__", (annotation,))
        model = next(c for c in choices if isinstance(c, type) and issubclass(c, BaseModel))
    return list(model.model_fields)
