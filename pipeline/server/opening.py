"""The folder of a hit in the file manager of this machine, without a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from .problems import Refused


def command_for(path: str, platform: str = sys.platform) -> list[str]:
    """The words that show a file in its folder."""
    if platform == "darwin":
        return ["open", "-R", path]
    if platform == "win32":
        return ["explorer", f"/select,{path}"]
    return ["xdg-open", os.path.dirname(path)]


def open_folder(path: str) -> None:
    """Show a file's folder, and do not wait for it. Raises Refused where that cannot be done."""
    path = os.path.abspath(path)
    words = command_for(path)
    if not os.path.isdir(os.path.dirname(path)):
        raise Refused(404, "the folder is gone", "index the gallery anew")
    if shutil.which(words[0]) is None:
        raise Refused(422, f"no program {words[0]} here", "open the folder by hand")
    try:
        subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as problem:
        raise Refused(422, f"{words[0]}: {problem.strerror}", "open the folder by hand") from problem
