"""The cause of a death in another process is heard, and nothing that was said is lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from likebut.pipeline.engines.last_words import Said, heard

DYING = "raise ValueError('Available memory is less than desired')"


def test_the_cause_that_a_child_names_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    with heard() as said:
        subprocess.run([sys.executable, "-c", DYING], check=False)
        os.write(2, b"RuntimeError: Engine core initialization failed. See root cause above.\n")
    assert said.cause == "ValueError: Available memory is less than desired"
    assert "Available memory" in capfd.readouterr().err


def test_where_nobody_names_a_cause_there_is_none() -> None:
    said = Said()
    said.text = "loading\nRuntimeError: Engine core initialization failed\n"
    assert said.cause == ""


def test_what_fails_within_still_fails(capfd: pytest.CaptureFixture[str]) -> None:
    said = Said()

    def fail() -> None:
        nonlocal said
        with heard() as said:
            os.write(2, b"OSError: no room\n")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert said.cause == "OSError: no room"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "OSError: no room\nafter\n"
