"""A terminal that a test types into: a pseudo-terminal with `likebut` as the program that runs in it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
WAIT = 90.0  # seconds; a busy machine loads models slowly
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x1b\a]*(?:\x1b\\|\a)|[\r\b]")


class Terminal:
    """One run of `likebut`, with a terminal of 100 columns for its three streams."""

    def __init__(self, *arguments: str | Path, folder: Path = ROOT, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        base = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**base, "TERM": "xterm-256color", **environ},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._raw, self._read = b"", 0

    def type(self, text: str | bytes) -> None:
        """As by hand; Enter is "\\r"."""
        os.write(self._ours, text if isinstance(text, bytes) else text.encode())

    def until(self, words: str) -> str:
        """What was shown from the last such words on to these, without the signs that steer."""
        end = time.monotonic() + WAIT
        while words.encode() not in self._raw[self._read :]:
            assert time.monotonic() < end, self._raw[self._read :].decode(errors="replace")
            if not self._more():
                break
        place = self._raw.find(words.encode(), self._read)
        assert place >= 0, self._raw[self._read :].decode(errors="replace")
        shown, self._read = self._raw[self._read : place + len(words)], place + len(words.encode())
        return _ESCAPE.sub("", shown.decode(errors="replace"))

    def end(self) -> str:
        """What is shown until the program has ended."""
        end = time.monotonic() + WAIT
        while self._more():
            assert time.monotonic() < end, self._raw[self._read :].decode(errors="replace")
        shown, self._read = self._raw[self._read :], len(self._raw)
        self.process.wait(WAIT)
        os.close(self._ours)
        return _ESCAPE.sub("", shown.decode(errors="replace"))

    def hang_up(self) -> None:
        """The terminal goes, as when a connection breaks."""
        os.close(self._ours)
        self.process.wait(WAIT)

    def _more(self) -> bool:
        """Read what there is; False where the program has closed the terminal."""
        ready, _, _ = select.select([self._ours], [], [], 1.0)
        if not ready:
            return True
        try:
            data = os.read(self._ours, 1 << 16)
        except OSError:
            return False
        self._raw += data
        return bool(data)
