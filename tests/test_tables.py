"""What is one new file and one line of a table, shown by adding one of each from outside."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from likebut.indexes import mappers, searchers
from likebut.indexes.build import build
from likebut.pipeline import benchmarks, encoders, engines, scoring
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.records import roles
from likebut.pipeline.records.trace import Query
from likebut.pipeline.records.traces import trace_from_json, trace_to_json
from likebut.pipeline.scoring.contract import Family
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.stages import judges
from tests.pipeline.colours import ColourEncoder, colour_composer, paint_gallery

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
THEIRS = {
    "parrot": PARROT,
    "backwards": '''
"""A searcher that finds the worst."""
from likebut.indexes.contract import Asked
from likebut.indexes.exact import Exact


class Backwards:
    def search(self, asked, k, exclude=None):
        found = Exact().search([Asked(side, -queries) for side, queries in asked], k, exclude)
        return found._replace(scores=-found.scores)
''',
    "one_by_one": '''
"""A mapper without threads."""
READ = []


def one_by_one(files, worker, workers, ahead):
    work = worker()
    for found in files:
        READ.append(found.id)
        yield work(found)
''',
    "constant": '''
"""A family of scores: the target caption, and a constant."""


def score(asked, numbers):
    cosines = asked.cosine(asked.vector("target_caption"))
    return {"cosine": cosines, "constant": 0 * cosines + numbers["bonus"]}
''',
    "twins": '''
"""A benchmark: every picture is asked for by its own name."""
from likebut.pipeline.benchmarks.records import Benchmark, Case, Item, Protocol

SPLITS = ("all",)


def load(data, split, *, allow_missing=False, annotations_only=False, shout=False):
    items = tuple(Item(path.stem, path) for path in sorted(data.glob("*.png")))
    cases = tuple(
        Case(i.id, "", i.id.upper() if shout else i.id, targets=(i.id,)) for i in items
    )
    rules = Protocol("twins/all", 1, "all", False, "as it is", "itself", ("Recall@1",))
    return Benchmark("twins", split, rules, cases, items)
''',
    "lenient": '''
"""A judge that is sure of the last."""
from likebut.pipeline.stages.judges.contract import Judged


def judge(cases, prompt, engine):
    return [Judged({one.row: float(n) / 9 for n, one in enumerate(c.candidates)}) for c in cases]
''',
    "hello": '''
"""A command."""


def hello(name: str = "you"):
    """Say hello."""
    print(f"hello {name}")
''',
}
REPLY = '{"reasoning": "so", "target_caption": "blue", "desired": [], "preserved": [], "forbidden": []}'


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of somebody else on the path, with an engine and an encoder."""
    folder = tmp_path / "site" / "theirs"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    for name, text in THEIRS.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "colours.py").write_text(
        "from tests.pipeline.colours import ColourEncoder\n\ndef make(spec):\n    return ColourEncoder()\n"
    )
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setitem(engines.ENGINES, "parrot", engines.Kind("theirs.parrot:Parrot", "server", "server"))
    monkeypatch.setitem(encoders.ENCODERS, "colours", encoders.Kind("theirs.colours:make"))
    monkeypatch.setitem(searchers.SEARCHERS, "backwards", "theirs.backwards:Backwards")
    monkeypatch.setitem(mappers.MAPPERS, "one by one", "theirs.one_by_one:one_by_one")
    family = Family("theirs.constant", {"bonus": 5.0})
    monkeypatch.setitem(scoring.FAMILIES, "constant", family)
    monkeypatch.setitem(benchmarks.BENCHMARKS, "twins", "theirs.twins")
    kind = judges.JudgeKind("theirs.lenient:judge", "judge/yes", "judge/yes-seen", once=1)
    monkeypatch.setitem(judges.JUDGES, "lenient", kind)
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


def test_a_searcher_is_a_file_and_a_line(tmp_path: Path, package: Path) -> None:
    own = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    composer = replace(own, searcher="backwards")
    trace = composer.ask(Query("q", None, "blue"), k=4)
    assert [Path(hit.path).stem for hit in trace.ranking.hits][-1] == "blue"


def test_a_judge_is_a_file_and_a_line(tmp_path: Path, package: Path) -> None:
    recipe = tmp_path / "theirs.toml"
    recipe.write_text(
        'description = "x"\n[grains]\nmodification = 1.0\n'
        '[rerank]\njudge = "lenient"\ntop = 4\nfusion = "replace"\n'
    )
    composer = colour_composer(tmp_path, (".", "a square"), recipe=load_recipe(str(recipe)))
    trace = composer.ask(Query("q", None, "blue"), k=4)
    assert Path(trace.ranking.hits[-1].path).stem == "blue"
    assert [one.judge for one in trace.judgements] == ["lenient"]


def test_a_mapper_is_a_file_and_a_line(tmp_path: Path, package: Path) -> None:
    pictures = paint_gallery(tmp_path / "pictures")
    build([pictures], tmp_path / "out", ColourEncoder(), mapper="one by one")
    from theirs.one_by_one import READ  # type: ignore[import-not-found]

    assert READ == ["blue.png", "green.png", "grey.png", "red.png"]
    build([pictures], tmp_path / "usual", ColourEncoder())
    mine, usual = (sorted((tmp_path / name).glob("*.npy")) for name in ("out", "usual"))
    assert [path.read_bytes() for path in mine] == [path.read_bytes() for path in usual]


def test_a_score_family_is_a_file_and_a_line(tmp_path: Path, package: Path) -> None:
    recipe = tmp_path / "theirs.toml"
    recipe.write_text(
        'description = "x"\n[grains]\ntarget_caption = 1.0\n'
        '[fusion]\nfamily = "constant"\n[fusion.numbers]\nbonus = 2.0\n'
    )
    composer = colour_composer(tmp_path, recipe=load_recipe(str(recipe)))
    top = composer.ask(Query("q", None, "blue"), k=1).ranking.hits[0]
    assert top.score == pytest.approx(3.0, abs=1e-3)
    assert top.shares == pytest.approx({"cosine": 1.0, "constant": 2.0}, abs=1e-3)


def test_a_benchmark_is_a_file_and_a_line(tmp_path: Path, package: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    loaded = benchmarks.load("twins", tmp_path / "gallery", shout=False)
    job = Evaluation(loaded, loaded.cases, composer, tmp_path / "run", tmp_path / "twins.index")
    job.run({})
    found = runs.open_run(tmp_path / "run")
    assert runs.summary(found)["metrics"]["Recall@1"]["mean"] == 1.0
    with pytest.raises(ConfigError, match="no option 'shot'"):
        benchmarks.load("twins", tmp_path / "gallery", shot=True)


def test_a_command_is_a_file_and_a_line(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from theirs.hello import hello  # type: ignore[import-not-found]
    from typer.testing import CliRunner

    from likebut.pipeline.cli.app import app

    known = list(app.registered_commands)
    try:
        app.command("hello")(hello)
        assert CliRunner().invoke(app, ["hello", "--name", "there"]).output == "hello there\n"
    finally:
        app.registered_commands[:] = known


RELATIONS = """+++
variables = ["caption", "modification"]
reply = "json"
[schema]
type = "object"
required = ["target_caption", "relations"]
[schema.properties]
target_caption = { type = "string" }
relations = { type = "array", items = { type = "string" } }
+++
=== user ===
{{ caption }}, {{ modification }}
"""


def test_a_role_is_a_list_of_a_prompt_that_a_recipe_gives_a_weight(tmp_path: Path) -> None:
    prompt, recipe = tmp_path / "relations.j2", tmp_path / "theirs.toml"
    prompt.write_text(RELATIONS)
    recipe.write_text(
        f'description = "x"\n[describe]\nprompt = "describe/dense"\n[reason]\nprompt = "{prompt}"\n'
        "[grains]\ntarget_caption = 1.0\nrelations = 0.5\n"
    )
    reply = '{"target_caption": "grey", "relations": ["blue", "green"]}'
    composer = colour_composer(tmp_path, (".", reply), recipe=load_recipe(str(recipe)))
    trace = composer.ask(tmp_path / "gallery" / "red.png", "beside the green one", k=1)
    assert trace.intent.of("relations") == ("blue", "green")
    assert [(grain.name, grain.weight) for grain in trace.grains] == [
        ("target_caption", 1.0),
        ("relations:blue", 0.25),
        ("relations:green", 0.25),
    ]
    again = composer.again(trace_from_json(trace_to_json(trace)), k=1, relations=["blue"])
    assert [grain.name for grain in again.grains] == ["target_caption", "relations:blue"]
    with pytest.raises(ConfigError, match="no field 'relation'"):
        composer.again(trace, relation=["blue"])
    recipe.write_text(recipe.read_text().replace("relations =", "relatoins ="))
    with pytest.raises(ConfigError, match="no grain 'relatoins'"):
        load_recipe(str(recipe))


def test_no_file_but_the_tables_compares_other_names() -> None:
    names = {*judges.JUDGES} - {"list"}  # of Python, too
    names |= {*searchers.SEARCHERS, *mappers.MAPPERS, *scoring.FAMILIES, *benchmarks.BENCHMARKS}
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                found = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & names
                assert not found, f"{path}:{node.lineno}"
