"""Engines by name, the scripted engine, devices and number formats."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from likebut.pipeline.engines import ENGINES, make_engine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.errors import ConfigError, InputError, ModelError
from likebut.pipeline.records.chat import Message

SCRIPT = [{"match": "at night", "reply": "a night"}, {"match": "^cat.png", "reply": "a cat"}]


def ask(text: str, *images: Path) -> Request:
    return Request((Message("user", text, images),))


def test_an_unknown_engine_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError) as caught:
        make_engine(EngineSpec("transformer", "x"))
    assert "'transformers'" in caught.value.hint


def test_naming_engines_imports_no_model_library() -> None:
    code = (
        "import sys, likebut.pipeline.engines, likebut.pipeline.encoders, likebut.pipeline.asking.engine\n"
        "import likebut.pipeline.machine.devices\n"
        "heavy = {'torch', 'transformers', 'open_clip', 'numpy', 'PIL', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert set(ENGINES) == {"transformers", "vllm", "openai", "scripted", "overlap", "labels"}


def test_a_script_answers_by_the_first_match_in_words_or_image_names() -> None:
    engine = make_engine(EngineSpec("scripted", "s", options={"replies": SCRIPT}))
    replies = engine.generate([ask("what", Path("/x/cat.png")), ask("make it at night")])
    assert [reply.text for reply in replies] == ["a cat", "a night"]
    assert replies[1].prompt_tokens == 4
    assert engine.sees


def test_a_question_outside_the_script_is_named() -> None:
    engine = make_engine(EngineSpec("scripted", "s", options={"replies": SCRIPT}))
    with pytest.raises(ModelError, match="by day"):
        engine.generate([ask("by day")])


def test_a_script_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(SCRIPT))
    engine = make_engine(EngineSpec("scripted", str(path)))
    assert engine.generate([ask("at night")])[0].text == "a night"
    path.write_text("{")
    with pytest.raises(InputError, match=r"script\.json"):
        make_engine(EngineSpec("scripted", str(path)))
