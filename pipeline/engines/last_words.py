"""What processes of a library said on stderr before they died: the cause that its exception leaves out."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

_CAUSE = re.compile(r"\b(\w*(?:Error|Exception)): (.+)")
_NO_CAUSE = re.compile(r"engine core initialization failed|see root cause", re.IGNORECASE)


class Said:
    """The text that was written, whole once the block has ended."""

    text = ""

    @property
    def cause(self) -> str:
        """The last error with a reason in it, on one line; empty without one."""
        found = [match for line in self.text.splitlines() if (match := _CAUSE.search(line))]
        causes = [match for match in found if not _NO_CAUSE.search(match[2])]
        return f"{causes[-1][1]}: {causes[-1][2]}"[:400] if causes else ""


@contextmanager
def heard() -> Iterator[Said]:
    """Keep what this process and its children write to stderr (file 2), and write it there after all."""
    said = Said()
    sys.stderr.flush()
    with TemporaryFile() as kept:
        real = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield said
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            kept.seek(0)
            said.text = kept.read().decode(errors="replace")
            os.write(real, said.text.encode())
            os.close(real)
