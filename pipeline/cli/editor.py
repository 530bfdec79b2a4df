"""A text in the person's own editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import ConfigError

_Value = TypeVar("_Value")
_MARK = "# >> "


def edited(text: str, read: Callable[[str], _Value], ending: str = ".toml") -> _Value:
    """What ``read`` makes of the text after the person has changed it.

    A text that cannot be read (ConfigError) is shown again with the reason on top. Where it comes back
    as it was shown, the person has given up: it is kept in a file, which the error names.
    """
    command = _command()
    with tempfile.TemporaryDirectory(prefix="likebut-") as folder:
        path = Path(folder) / f"edit{ending}"
        shown = text
        while True:
            path.write_text(shown, encoding="utf-8", errors="surrogateescape")
            _run(command, path)
            got = path.read_text(encoding="utf-8", errors="surrogateescape")
            try:
                return read(got)
            except ConfigError as problem:
                if got == shown:
                    raise ConfigError(
                        problem.message, f"the text is kept in {_kept(got, ending)}"
                    ) from None
                reason = problem.message + (f" — {problem.hint}" if problem.hint else "")
                lines = [line for line in got.splitlines(True) if not line.startswith(_MARK)]
                shown = f"{_MARK}{' '.join(reason.split())}\n" + "".join(lines)


def _command() -> list[str]:
    """$VISUAL or $EDITOR, or the system's own in a terminal. Raises ConfigError where there is none."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named:
        return shlex.split(named)
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to edit in", "use --set FIELD=TEXT, or set EDITOR")
    return ["notepad" if sys.platform == "win32" else "vi"]


def _run(command: list[str], path: Path) -> None:
    try:
        code = subprocess.run([*command, str(path)], check=False).returncode
    except OSError as problem:
        raise ConfigError(
            f"cannot start the editor {command[0]}: {problem.strerror}", "set EDITOR, or use --set"
        ) from problem
    if code:
        raise ConfigError(f"the editor {command[0]} ended with {code}", "nothing was changed")


def _kept(text: str, ending: str) -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="likebut-", suffix=ending, delete=False, encoding="utf-8", errors="surrogateescape"
    ) as file:
        file.write(text)
    return file.name
