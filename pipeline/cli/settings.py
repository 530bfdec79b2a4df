"""What a person typed once: profile, gallery, recipe and format, from the environment or a file.

An option of the command line comes first, then a variable of the environment, then the settings
file, then the default of the command. Only a value that is needed is read, so that help, and a
command with all its options, work beside a broken file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import typer

from ..errors import ConfigError, LikebutError, did_you_mean
from .output import Format

FILE_VARIABLE = "LIKEBUT_SETTINGS"
DEFAULTS = {"profile": "pocket", "gallery": "", "recipe": "likebut", "format": "table"}
KEYS = tuple(DEFAULTS)
_ALL = ("profile", "recipe", "format")
# Which settings a command takes. Methods under test are named: eval and tune take no recipe, and
# no benchmark takes a gallery. `gallery` is asked for where galleries are opened.
_TAKES: dict[str, Any] = {
    "query": _ALL,
    "batch": ("profile", "recipe"),
    "serve": ("profile", "recipe"),
    "chat": _ALL,
    "eval": ("profile", "format"),
    "tune": ("profile", "format"),
    "score": ("format",),
    "compare": ("format",),
    "doctor": ("format",),
    "index": {"build": ("profile",), "caption": ("profile",), "info": ("format",)},
    "prompts": {
        "compare": ("recipe", "format"),
        "edit": ("format",),
        "list": ("format",),
        "check": ("format",),
        "render": ("format",),
    },
    "dialogue": {"show": ("format",), "replay": ("format",), "diff": ("format",)},
    "recipes": {"list": ("format",), "diff": ("format",)},
    "profiles": {"list": ("format",)},
    "cache": {"list": ("format",), "info": ("format",), "import": ("profile",)},
}
# Whose rows are pictures, so that `paths` says something.
_PICTURES = ("query", "edit", "chat")
# What shows a broken setting rather than ending with it.
_LENIENT = ("doctor",)


@dataclass(frozen=True)
class Setting:
    """One value and where it came from: a variable, the settings file, or "default"."""

    key: str
    value: str
    source: str


def settings_path() -> Path:
    """The settings file, there or not: $LIKEBUT_SETTINGS, or in the platform's place."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else Path(typer.get_app_dir("likebut")) / "config.toml"


def find(key: str) -> Setting:
    """The value of ``key`` and its source; paths are whole. Raises ConfigError naming file and key."""
    variable = f"LIKEBUT_{key.upper()}"
    if value := os.environ.get(variable):
        return Setting(key, checked(key, value, Path(), variable), variable)
    path = settings_path()
    if value := _read(path, _stamp(path)).get(key):
        return Setting(key, checked(key, value, path.parent, f"{path}: {key}"), str(path))
    return Setting(key, DEFAULTS[key], "default")


def profile_or(found: str) -> str:
    """``found`` where it says something, else the profile of the settings. Raises ConfigError."""
    return found or find("profile").value


def recipe_or(found: str) -> str:
    """``found`` where it says something, else the recipe of the settings. Raises ConfigError."""
    return found or find("recipe").value


def gallery() -> tuple[Path | None, Path | None]:
    """The gallery of the settings as (index, folder): one of them, or neither. Raises ConfigError."""
    found = find("gallery")
    if not found.value:
        return None, None
    from ...indexes.milvus.address import is_address

    place = Path(found.value)
    if is_address(place):
        return place, None
    if not place.is_dir():
        raise ConfigError(f"{found.source}: gallery: no folder {place}", "or name one with --in")
    return (place, None) if (place / "manifest.json").is_file() else (None, place)


def read_file(path: Path) -> dict[str, str]:
    """What a settings file says; nothing where there is none. Raises ConfigError."""
    import tomllib

    try:
        values = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise ConfigError(
            f"cannot read the settings file {path}: {problem.strerror}", f"or set {FILE_VARIABLE}"
        ) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} is not valid TOML: {problem}", "mend the line") from problem
    for key, value in values.items():
        if key not in KEYS:
            raise ConfigError(f"{path}: unknown key {key!r}", did_you_mean(key, list(KEYS)))
        if not isinstance(value, str):
            raise ConfigError(
                f"{path}: {key} is not a text", f'for example {key} = "{DEFAULTS[key] or "~/x"}"'
            )
    return values


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=4)
def _read(path: Path, stamp: tuple[int, int]) -> dict[str, str]:
    return read_file(path)


def checked(key: str, value: str, base: Path, where: str) -> str:
    """The value, its path made whole; paths are taken from ``base``. Raises ConfigError."""
    if key == "format":
        if value not in list(Format):
            raise ConfigError(f"{where}: no format {value!r}", did_you_mean(value, list(Format)))
        return value
    if key == "gallery":
        from ...indexes.milvus.address import on_server

        if on_server(value):
            return value
        return str(base / os.path.expanduser(value))
    from ..config.files import profile_path, recipe_path

    if value.partition("@")[0].endswith(".toml"):
        value = str(base / os.path.expanduser(value))
    try:
        if key == "profile":
            profile_path(value)
        else:
            recipe_path(value.partition("@")[0])
    except LikebutError as problem:
        raise ConfigError(f"{where}: {problem.message}", problem.hint) from None
    return value


class _Later:
    """A default that is looked up when a command needs it, and that help can show."""

    def __init__(self, key: str, command: str) -> None:
        self.key = key
        self.command = command

    def __call__(self) -> str:
        """The value; the default where it does not suit the command. Raises ConfigError."""
        try:
            value = find(self.key).value
        except ConfigError:
            if self.command not in _LENIENT:
                raise
            return DEFAULTS[self.key]
        unfit = self.key == "format" and value == "paths" and self.command not in _PICTURES
        return DEFAULTS[self.key] if unfit else value

    def __str__(self) -> str:
        """For help, which must not fail: a broken setting shows the default."""
        try:
            return self()
        except ConfigError:
            return DEFAULTS[self.key]


def default_map(takes: Mapping[str, Any] = _TAKES) -> dict[str, Any]:
    """Defaults by command and parameter, as the command line asks for them."""
    found: dict[str, Any] = {}
    for command, keys in takes.items():
        if isinstance(keys, Mapping):
            found[command] = default_map(keys)
        else:
            found[command] = {("form" if key == "format" else key): _Later(key, command) for key in keys}
    return found
