"""The arrows of the design: who may import whom, who may print, and when heavy packages load."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "indexes").rglob("*.py")])
HEAVY = {"torch", "transformers", "open_clip", "vllm", "faiss", "pymilvus"}
# Run by `python -m`; their output is the point.
PROGRAMS = (ROOT / "pipeline/pocket/train", ROOT / "pipeline/pocket/evaluate.py")


def read(path: Path) -> ast.Module:
    """The syntax of a file, its relative imports spelled out: "pipeline.records.trace"."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = path.relative_to(ROOT).parts
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = [*inside[: len(inside) - node.level], *filter(None, [node.module])]
            node.module = ".".join(place)
    return tree


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def at_module_level(tree: ast.Module) -> Iterator[str]:
    """Imports that run when the module is imported."""
    for node in tree.body:
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not checking and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from imports(node)


# The rooms of the house from the ground up: each imports only from those before it.
FLOORS = (
    "errors",
    "indexes",
    "machine",
    "encoders",
    "records",
    "prompting",
    "scoring",
    "engines",
    "hits",
    "report",
    "config",
    "pocket",
    "asking",
    "stages",
    "setup",
    "batch",
    "benchmarks",
    "evaluation",
    "tuning",
    "lab",
    "server",
    "cli",
)
LONGEST = 250  # lines of a file


def long_bodies(path: Path) -> Iterator[str]:
    """Functions of more than 40 lines; of a command the table of its options is not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body and (node.end_lineno or 0) - body[0].lineno >= 40:
                yield f"{path}: {node.name}"


def room_of(path: Path) -> str:
    inside = path.relative_to(ROOT).parts
    return inside[0] if inside[0] == "indexes" else inside[1].removesuffix(".py")


def rooms_named(tree: ast.AST) -> Iterator[str]:
    """The rooms that a file imports from, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "pipeline":
            yield from (name.name for name in node.names if not name.name.startswith("__"))
    for name in imports(tree):
        first, *rest = name.split(".")
        if first == "indexes" or (first == "pipeline" and rest):
            yield rest[0] if first == "pipeline" else first


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_stands_above_all_that_it_imports(path: Path) -> None:
    if path == ROOT / "pipeline" / "__init__.py":
        return
    floor = FLOORS.index(room_of(path))
    above = {room for room in rooms_named(read(path)) if FLOORS.index(room) > floor}
    assert not above
    assert not list(long_bodies(path))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_no_files_of_indexes_import_each_other_in_a_circle() -> None:
    needs = {
        path.stem: {name.split(".")[1] for name in imports(read(path)) if name.startswith("indexes.")}
        for path in (ROOT / "indexes").glob("*.py")
        if path.stem != "__init__"
    }
    while ready := [name for name, others in needs.items() if not others & set(needs)]:
        for name in ready:
            del needs[name]
    assert not needs


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_keeps_to_its_layer(path: Path) -> None:
    tree = read(path)
    inside = path.relative_to(ROOT).parts
    assert ast.get_docstring(tree), "every module opens with its job"
    assert not {name.split(".")[0] for name in at_module_level(tree)} & HEAVY
    if inside[0] == "indexes":
        assert not [name for name in imports(tree) if name.split(".")[0] == "pipeline"]
    if inside[:2] != ("pipeline", "cli"):
        assert not [name for name in imports(tree) if name.startswith("pipeline.cli")]
        if not any(path.is_relative_to(program) for program in PROGRAMS):
            calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
            assert not calls & {"print", "sys.exit", "exit"}
