"""The files of recipes and profiles: found by name in this package or by path, read strictly."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import ConfigError, did_you_mean
from .profile import Profile
from .recipe import Recipe
from .strict import Strict

HERE = Path(__file__).parent.parent


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


def load_recipe(name: str, usual: str = "") -> Recipe:
    """Read and check a recipe, "name" or "name@variant"; without a variant the ``usual`` one.

    The usual variant (a profile's) is taken where the recipe has it; "name@" takes none. Raises
    ConfigError naming file and key.
    """
    name, at, variant = name.partition("@")
    path = recipe_path(name)
    recipe = _read(path, Recipe).model_copy(update={"name": path.stem})
    recipe.check(str(path))
    if not at and usual in recipe.variants:
        variant = usual
    return recipe.with_variant(variant) if variant else recipe


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


_Model = TypeVar("_Model", bound=Strict)


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
    """One problem as (message, hint): a key that is not known, with near names, else the first."""
    found = problem.errors()
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
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
