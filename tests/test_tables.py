"""What is one new file and one line of a table, shown by adding one of each from outside."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from likebut.pipeline import encoders, engines
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records import roles
from likebut.pipeline.records.trace import Query
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup

from tests.pipeline.colours import colour_composer

ROOT = Path(__file__).parent.parent
OURS = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "indexes").rglob("*.py")])

PARROT = '''
"""An engine that says one thing."""
from likebut.pipeline.records.chat import Reply


class Parrot:
    sees = True

    def __init__(self, spec):
        self.said = spec.options["says"]

    def generate(self, requests, on_reply=None):
        replies = [Reply(self.said, 1, 1) for _ in requests]
        for place, reply in enumerate(replies if on_reply else ()):
            on_reply(place, reply)
        return replies
'''
PROFILE = """
description = "theirs"
[captioner]
engine = "parrot"
model = "polly"
options = {{ says = "a red square" }}
[reasoner]
engine = "parrot"
model = "polly"
options = {{ says = '{reply}' }}
[encoder]
encoder = "colours"
model = "rgb"
"""
REPLY = (
    '{"reasoning": "so", "target_caption": "blue", "desired": [], "preserved": [], "forbidden": []}'
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of somebody else on the path, with an engine and an encoder."""
    folder = tmp_path / "site" / "theirs"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "parrot.py").write_text(PARROT)
    (folder / "colours.py").write_text(
        "from tests.pipeline.colours import ColourEncoder\n\n"
        "def make(spec):\n    return ColourEncoder()\n"
    )
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setitem(
        engines.ENGINES, "parrot", engines.Kind("theirs.parrot:Parrot", "server", "server")
    )
    monkeypatch.setitem(encoders.ENCODERS, "colours", encoders.Kind("theirs.colours:make"))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:
        del sys.modules[name]


def test_an_engine_and_an_encoder_are_a_file_and_a_line_each(tmp_path: Path, package: Path) -> None:
    own = colour_composer(tmp_path)
    profile = tmp_path / "theirs.toml"
    profile.write_text(PROFILE.format(reply=REPLY))
    composer = assemble(Setup("likebut", str(profile), cache=tmp_path / "cache.sqlite"))
    composer = replace(composer, index=own.index)
    trace = composer.compose([Query("q", tmp_path / "gallery" / "red.png", "make it blue")], 1)[0]
    assert not trace.error
    assert trace.description.captions == ("a red square",)
    assert Path(trace.ranking.hits[0].path).stem == "blue"


def test_a_role_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tmp_path / "shouted.toml"
    recipe.write_text('description = "x"\n[grains]\nshouted = 1.0\n')
    with pytest.raises(ConfigError, match="no grain 'shouted'"):
        load_recipe(str(recipe))
    shouted = roles.Role(lambda trace: (trace.query.modification.lower(),), "modification")
    monkeypatch.setitem(roles.ROLES, "shouted", shouted)
    composer = colour_composer(tmp_path, recipe=load_recipe(str(recipe)))
    (trace,) = composer.compose([Query("q", tmp_path / "gallery" / "red.png", "BLUE")], 1)
    assert [(grain.name, grain.text) for grain in trace.grains] == [("shouted", "blue")]
    assert Path(trace.ranking.hits[0].path).stem == "blue"


def test_no_file_but_the_tables_compares_the_names_of_engines_and_encoders() -> None:
    names = {*engines.ENGINES, *encoders.ENCODERS}
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                found = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & names
                assert not found, f"{path}:{node.lineno}"
