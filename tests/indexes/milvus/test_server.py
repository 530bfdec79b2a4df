"""What is said where a server cannot be used, and that no secret is among it.

Servers that are old or that refuse stand in for themselves here: one cannot be had without a cluster.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from likebut.indexes.errors import GalleryError, IndexBusy
from likebut.indexes.milvus.address import read_address
from likebut.indexes.milvus.server import Server

CLUSTER = read_address("milvus://db.example/photos")


def answering(
    monkeypatch: pytest.MonkeyPatch, version: str = "v2.6.1", problem: str = ""
) -> dict[str, Any]:
    """What the client was given, of a server of this version that raises the ``problem``."""
    from pymilvus.exceptions import MilvusException

    given: dict[str, Any] = {}

    class Client:
        def __init__(self, uri: str, **named: Any) -> None:
            given.update(named, uri=uri)
            if problem:
                raise MilvusException(message=problem)

        def get_server_version(self) -> str:
            return version

    monkeypatch.setattr("pymilvus.MilvusClient", Client)
    return given


@pytest.mark.parametrize("package", ["pymilvus", "milvus_lite"])
def test_a_missing_package_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(GalleryError, match="a gallery in Milvus needs the package") as said:
        Server(read_address(tmp_path / "m.db"), make=True)
    assert said.value.hint == "pip install 'likebut[milvus]'"
    assert said.value.exit_code == 4


@pytest.mark.parametrize(("version", "old"), [("v2.3.9", True), ("2.4.0", False), ("v3.0.1-dev", False)])
def test_a_server_that_is_too_old_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: str, old: bool
) -> None:
    answering(monkeypatch, version)
    if old:
        with pytest.raises(GalleryError, match=r"is Milvus v2\.3\.9; likebut needs 2\.4"):
            Server(CLUSTER)
    else:
        assert Server(CLUSTER).version == version


def test_credentials_are_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEBUT_MILVUS_USER", "me")
    monkeypatch.setenv("LIKEBUT_MILVUS_PASSWORD", "hush")
    given = answering(monkeypatch)
    Server(CLUSTER)
    assert (given["uri"], given["user"], given["password"]) == ("http://db.example:19530", "me", "hush")
    monkeypatch.setenv("LIKEBUT_MILVUS_TOKEN", "secret")
    Server(CLUSTER)
    assert given["token"] == "secret"


@pytest.mark.parametrize(
    ("problem", "words", "hint"),
    [
        ("Fail connecting to server on db.example:19530, ...", "is not reached", "is it running"),
        ("auth check failure, token=secret", "lets nobody in", "set LIKEBUT_MILVUS_TOKEN"),
        ("quota of secret exceeded\nlong story", "quota of … exceeded", ""),
    ],
)
def test_a_refusal_is_one_line_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, problem: str, words: str, hint: str
) -> None:
    monkeypatch.setenv("LIKEBUT_MILVUS_TOKEN", "secret")
    answering(monkeypatch, problem=problem)
    with pytest.raises(GalleryError, match=words) as said:
        Server(CLUSTER)
    assert "secret" not in said.value.message
    assert "\n" not in said.value.message
    assert said.value.hint.startswith(hint)


def test_a_file_that_another_process_holds_is_busy(tmp_path: Path) -> None:
    import subprocess

    program = (
        "import sys; from likebut.indexes.milvus.server import Server\n"
        "from likebut.indexes.milvus.address import read_address\n"
        "Server(read_address(sys.argv[1]), make=True); print('held', flush=True); sys.stdin.read()"
    )
    place = str(tmp_path / "m.db")
    command = [sys.executable, "-c", program, place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(IndexBusy, match="another process has it open"):
            Server(read_address(place))
        process.communicate()
    Server(read_address(place)).close()
