"""Tests cannot reach a network."""

from __future__ import annotations

import socket

import pytest


def test_a_socket_to_another_machine_is_refused() -> None:
    with socket.socket() as outside, pytest.raises(RuntimeError, match="tried to reach"):
        outside.connect(("192.0.2.1", 80))
