"""`index push` and `index info` of a gallery in Milvus; what works on folders alone says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from likebut.indexes.errors import GalleryError
from likebut.pipeline.cli.index import app
from likebut.pipeline.errors import ConfigError
from tests.indexes.milvus.conftest import random_rows, write

RUN = CliRunner()


def test_an_index_is_pushed_and_what_is_there_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("pymilvus", reason="needs pip install 'likebut[milvus]'")
    pytest.importorskip("milvus_lite", reason="needs pip install 'likebut[milvus]'")
    write(tmp_path / "pets.index", random_rows(3, 4))
    command = ["push", str(tmp_path / "pets.index"), "--to", str(tmp_path / "m.db")]
    assert "3 items (3 sent, 0 there, 0 removed)" in RUN.invoke(app, command).stderr
    assert "3 items (0 sent, 3 there, 0 removed)" in RUN.invoke(app, command).stderr
    shown = RUN.invoke(app, ["info", str(tmp_path / "m.db"), "-f", "jsonl"])
    facts = json.loads(shown.stdout)
    assert facts["address"] == f"{tmp_path}/m.db/likebut/pets"
    assert (facts["items"], facts["there"], facts["consistency"]) == (3, 3, "Bounded")


@pytest.mark.parametrize(
    "command",
    [
        ["build", "pictures", "--out", "milvus://host/a"],
        ["verify", "milvus://host/a"],
        ["remove", "milvus://host/a", "*"],
        ["caption", "milvus://host/a"],
        ["push", "milvus://host/a", "--to", "b.db"],
    ],
)
def test_what_works_on_a_folder_says_so_of_an_address(command: list[str]) -> None:
    said = RUN.invoke(app, command).exception
    assert isinstance(said, ConfigError)
    assert "is a gallery in Milvus, and this works on an index folder" in said.message


def test_an_address_may_be_the_gallery_of_the_settings(own_settings: Path) -> None:
    from likebut.pipeline.cli import settings, settings_command

    RUN.invoke(settings_command.app, ["set", "gallery", "milvus://host/photos"], catch_exceptions=False)
    assert 'gallery = "milvus://host/photos"' in own_settings.read_text()
    assert settings.gallery() == (Path("milvus://host/photos"), None)


def test_an_address_that_is_none_is_said(tmp_path: Path) -> None:
    write(tmp_path / "pets.index", random_rows(3, 4))
    said = RUN.invoke(app, ["push", str(tmp_path / "pets.index"), "--to", "pets"]).exception
    assert isinstance(said, GalleryError)
    assert (said.message, said.exit_code) == ("pets is no address of Milvus", 2)
