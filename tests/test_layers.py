"""The arrows of the design: who may import whom, who may print, and when heavy packages load."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "indexes").rglob("*.py")])
HEAVY = {"torch", "transformers", "open_clip", "vllm", "faiss"}
# Run by `python -m`; their output is the point.
PROGRAMS = (ROOT / "pipeline/pocket/train", ROOT / "pipeline/pocket/evaluate.py")


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_keeps_to_its_layer(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
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
