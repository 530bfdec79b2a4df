"""`--open`: the first hits in the program that the platform opens pictures with."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from ...indexes.videos import file_of
from ..errors import ConfigError

VARIABLE = "LIKEBUT_OPENER"


def opener() -> list[str]:
    """The command that opens pictures: $LIKEBUT_OPENER, or the platform's. Raises ConfigError."""
    hint = f"name a program with {VARIABLE}, for example {VARIABLE}=feh"
    try:
        words = shlex.split(os.environ.get(VARIABLE, ""))
    except ValueError as problem:
        raise ConfigError(f"{VARIABLE}: {problem}", hint) from problem
    if not words and sys.platform == "win32":
        return []
    words = words or ["open" if sys.platform == "darwin" else "xdg-open"]
    if shutil.which(words[0]) is None:
        raise ConfigError(f"no program {words[0]} here to open pictures", hint)
    return words


def open_pictures(command: Sequence[str], paths: Sequence[str]) -> None:
    """Start ``command`` on the pictures and do not wait for it; xdg-open gets one at a time.

    Of a frame its video is opened.
    """
    paths = list(map(file_of, paths))
    if not paths:
        return
    if not command:
        for path in paths:
            os.startfile(path)  # type: ignore[attr-defined]
        return
    one_each = os.path.basename(command[0]) == "xdg-open"
    for group in [[path] for path in paths] if one_each else [list(paths)]:
        try:
            subprocess.Popen(
                [*command, *group],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as problem:
            raise ConfigError(f"cannot start {command[0]}: {problem.strerror}") from problem
