"""A server while it runs, and what is left of it when it has ended."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

from tests.pipeline.server.conftest import running


def test_what_was_loaded_is_no_garbage_to_look_through_until_the_server_ends(tmp_path: Path) -> None:
    before = gc.get_threshold(), sys.getswitchinterval(), gc.get_freeze_count()
    with running(tmp_path):
        ends = time.monotonic() + 20
        while gc.get_freeze_count() == before[2] and time.monotonic() < ends:
            time.sleep(0.01)
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[2] > before[0][2]
    ends = time.monotonic() + 20
    while gc.get_freeze_count() and time.monotonic() < ends:
        time.sleep(0.01)  # its thread ends a little later
    assert (gc.get_threshold(), sys.getswitchinterval(), gc.get_freeze_count()) == (*before[:2], 0)
