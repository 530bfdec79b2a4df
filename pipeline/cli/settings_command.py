"""`settings`: see, change and find what need not be typed every time."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, did_you_mean
from .output import Format, say, write_rows
from .settings import KEYS, checked, find, read_file, settings_path

app = typer.Typer(
    help="Profile, gallery, recipe and format, typed once: show, set, unset, path.", no_args_is_help=True
)
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help=", ".join(KEYS) + ".")]
SET_EPILOG = (
    "Examples: [cyan]likebut settings set profile cpu[/cyan] · "
    "[cyan]likebut settings set gallery ~/Pictures[/cyan]   and then "
    '[cyan]likebut query photo.jpg "at night"[/cyan]'
)


def setting_rows() -> tuple[list[dict[str, str]], list[ConfigError]]:
    """One row per setting with its value and source, and what is wrong with those that are broken."""
    rows = []
    problems = []
    for key in KEYS:
        try:
            found = find(key)
            rows.append({"setting": key, "value": found.value or "–", "source": found.source})
        except ConfigError as problem:
            rows.append({"setting": key, "value": "broken", "source": problem.message})
            problems.append(problem)
    return rows, problems


@app.command(epilog="Example: [cyan]likebut settings show[/cyan]")
def show(
    form: Annotated[Format, typer.Option("--format", "-f", help="What stdout gets.")] = Format.table,
) -> None:
    """Show every setting and where it came from: a variable, the settings file, or the default."""
    rows, problems = setting_rows()
    write_rows(rows, form, ("setting", "value", "source"))
    if problems:
        raise problems[0]


@app.command()
def path() -> None:
    """Print the path of the settings file, whether it is there or not."""
    print(settings_path())


@app.command("set", epilog=SET_EPILOG)
def set_(
    key: KeyArgument, value: Annotated[str, typer.Argument(help="A name, a folder or a format.")]
) -> None:
    """Write one setting into the settings file; the rest of the file stays as it is."""
    _known(key)
    from ...indexes.milvus.address import is_address, on_server

    is_path = (key == "gallery" and not on_server(value)) or value.partition("@")[0].endswith(".toml")
    if is_path:
        value = os.path.abspath(os.path.expanduser(value))
    if key == "gallery" and not (is_address(value) or Path(value).is_dir()):
        raise ConfigError(f"no folder {value}", "name a folder of pictures, or an index")
    _change(key, value)
    say(f"{settings_path()}: {key} = {value}")
    if os.environ.get(variable := f"LIKEBUT_{key.upper()}"):
        say(f"note: {variable} is set and comes first")


@app.command()
def unset(key: KeyArgument) -> None:
    """Take one setting out of the settings file."""
    _known(key)
    _change(key, None)
    say(f"{settings_path()}: {key} is not set")


def _known(key: str) -> None:
    if key not in KEYS:
        raise ConfigError(f"no setting {key!r}", did_you_mean(key, list(KEYS)))


def _change(key: str, value: str | None) -> None:
    """Write the file with one line changed, whole or not at all. Raises ConfigError."""
    import tomllib

    if value is not None:
        checked(key, value, Path(), key)
    target = settings_path()
    wanted = read_file(target) | ({key: value} if value is not None else {})
    if value is None:
        wanted.pop(key, None)
    place = target.resolve()  # a link to a file kept elsewhere stays a link
    old = place.read_bytes().decode("utf-8-sig") if place.is_file() else ""
    lines = old.removesuffix("\n").split("\n") if old else []
    own = re.compile(rf"""\s*["']?{key}["']?\s*=""")
    new = [] if value is None else [f"{key} = {json.dumps(value, ensure_ascii=False)}"]
    at = next((number for number, line in enumerate(lines) if own.match(line)), len(lines))
    text = "\n".join([*lines[:at], *new, *lines[at + 1 :], ""])
    try:
        same = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise ConfigError(f"{target}: cannot change {key} in this file", "change it in an editor")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        draft.write_text(text, "utf-8", newline="")
        if place.exists():
            shutil.copymode(place, draft)
        os.replace(draft, place)
    except OSError as problem:
        raise ConfigError(f"cannot write {target}: {problem.strerror}") from problem
