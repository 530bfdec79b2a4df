"""What every test shares: no network, no user cache, one drawn gallery."""

from __future__ import annotations

import logging
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

with suppress(ImportError):  # the environment of real engines does without
    from hypothesis import HealthCheck, settings

    # A machine that is busy makes and tries examples slowly, which says nothing of the code.
    settings.register_profile("likebut", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("likebut")

# Started in the background a shell lets Ctrl-C be ignored, by all that is started here, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LOOPBACK = ("127.0.0.1", "::1")


class NetworkForbidden(RuntimeError):
    """A test reached for the network."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine may be reached: AF_UNIX (worker processes), and servers on loopback."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        here = isinstance(address, tuple) and address[0] in LOOPBACK
        if self.family != socket.AF_UNIX and not here:
            raise NetworkForbidden(f"a test tried to reach {address}")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("LIKEBUT_OFFLINE", raising=False)


@pytest.fixture(autouse=True)
def heard_notices() -> None:
    """`caplog` hears what is logged, also after a command said that it alone does."""
    logging.getLogger("likebut").propagate = True


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test reads or writes the user's cache."""
    path = tmp_path_factory.mktemp("cache") / "answers.sqlite"
    monkeypatch.setenv("LIKEBUT_CACHE", str(path))
    return path


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test sees the user's settings; the path of a file that a test may write."""
    for key in ("PROFILE", "GALLERY", "RECIPE", "FORMAT"):
        monkeypatch.delenv(f"LIKEBUT_{key}", raising=False)
    path = tmp_path_factory.mktemp("settings") / "config.toml"
    monkeypatch.setenv("LIKEBUT_SETTINGS", str(path))
    return path


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn gallery of 120 pictures with 20 queries; tests must not change it."""
    from likebut.pipeline.pocket.draw import draw_gallery

    folder = tmp_path_factory.mktemp("drawn") / "gallery"
    draw_gallery(folder, 120, seed=4, queries=20)
    return folder
