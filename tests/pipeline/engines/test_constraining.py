"""Replies held to their schema: random weights would write nonsense, and here cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines import constraining, make_engine
from likebut.pipeline.engines.constraining import closed, constrains
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.chat import Message, Reply, Sampling
from tests.pipeline.engines.families import readers

needs_xgrammar = pytest.mark.skipif(not constrains({}), reason="xgrammar is not installed")

COLOURS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["colour", "sure", "name", "parts"],
    "properties": {
        "colour": {"enum": ["red", "green", "blue"]},
        "sure": {"type": "boolean"},
        "name": {"type": "string", "pattern": "^[a-z ]{1,6}$"},
        "parts": {"type": "array", "items": {"enum": ["leaf", "stem"]}, "maxItems": 2},
    },
}
NAME = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 6}},
}
NIGHT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["night"],
    "properties": {"night": {"type": "boolean"}},
}
ENDLESS = {"type": "object", "required": ["thought"], "properties": {"thought": {"type": "string"}}}
TEXTS = ("a red apple", "make it a cat at night", "what is it?", "é 猫", "two pears, please", "no")


def ask(text: str, schema: Any = None, **sampling: Any) -> Request:
    return Request((Message("user", text),), Sampling(**{"max_tokens": 120, **sampling}), schema)


def told(replies: list[Reply]) -> list[tuple[str, str]]:
    return [(reply.text, reply.finish) for reply in replies]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader") / "llama"
    readers.llama(folder)
    return folder


def engine_of(folder: Path, **options: Any) -> Any:
    spec = EngineSpec("transformers", str(folder), device="cpu", dtype="float32", options=options)
    return make_engine(spec)


@pytest.fixture(scope="module")
def held(folder: Path) -> Any:
    return engine_of(folder, structured="json_schema")


@needs_xgrammar
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_random_weights_answer_with_valid_json_each_time(held: Any, temperature: float) -> None:
    requests = [ask(text, COLOURS, temperature=temperature, seed=seed) for text in TEXTS for seed in (0, 1)]
    values = []
    for reply in held.generate(requests):
        assert reply.finish == "stop"
        values.append(json.loads(reply.text))
        jsonschema.validate(values[-1], COLOURS)
        assert list(values[-1]) == list(COLOURS["properties"])  # in the schema's order
    assert len({json.dumps(value) for value in values}) > 1


@needs_xgrammar
def test_a_string_of_bounded_length_is_json_and_ends(held: Any) -> None:
    """Bytes that are no text come as �, one for each; to the grammar several are one character."""
    for reply in held.generate([ask(t, NAME, temperature=1.5, seed=s) for t in TEXTS for s in (0, 1, 2)]):
        assert reply.finish == "stop"
        name = json.loads(reply.text)["name"]  # strictly: no raw tab or other control character
        assert len(name) >= 1
        assert len(name.replace("\N{REPLACEMENT CHARACTER}", "")) <= 6


@needs_xgrammar
def test_without_the_library_the_same_weights_write_nonsense(folder: Path) -> None:
    for reply in engine_of(folder, structured="none").generate([ask(t, COLOURS) for t in TEXTS]):
        with pytest.raises(ValueError, match=r".*"):
            jsonschema.validate(json.loads(reply.text), COLOURS)


@needs_xgrammar
def test_rows_of_one_batch_have_schemas_of_their_own_or_none(held: Any, folder: Path) -> None:
    schemas = [COLOURS, None, NIGHT, COLOURS, None, NIGHT]
    requests = [ask(text, schema) for text, schema in zip(TEXTS, schemas, strict=True)]
    together = told(held.generate(requests))
    assert together == told([held.generate([request])[0] for request in requests])
    free = engine_of(folder, structured="none").generate([requests[1], requests[4]])
    assert [together[1], together[4]] == told(free)
    assert {together[2][0], together[5][0]} <= {'{"night": true}', '{"night": false}'}


@needs_xgrammar
def test_a_reply_that_does_not_end_in_time_is_cut_and_says_so(held: Any) -> None:
    (reply,) = held.generate([ask("what", ENDLESS, max_tokens=6)])
    assert (reply.finish, reply.reply_tokens) == ("length", 6)
    assert '{"thought": "'.startswith(reply.text)


@needs_xgrammar
def test_a_schema_is_compiled_once(held: Any) -> None:
    held.generate([ask("what", COLOURS), ask("who", COLOURS)])
    before = dict(held._grammars._compiled)
    held.generate([ask("where", json.loads(json.dumps(COLOURS)))])
    assert held._grammars._compiled == before


@needs_xgrammar
def test_a_schema_without_a_grammar_is_named_with_the_way_out(held: Any) -> None:
    with pytest.raises(ConfigError, match="xgrammar cannot hold") as caught:
        held.generate([ask("what", {"type": "sentence"})])
    assert 'structured = "none"' in caught.value.hint
    assert "\n" not in caught.value.message


@needs_xgrammar
def test_a_tokenizer_that_the_library_cannot_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xgrammar

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("unsupported tokenizer")

    monkeypatch.setattr(xgrammar.TokenizerInfo, "from_huggingface", fail)
    with pytest.raises(ConfigError, match="cannot read the tokenizer"):
        engine_of(folder).generate([ask("what", NIGHT)])


def test_the_option_says_always_never_or_where_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraining, "find_spec", lambda name: object())
    assert [constrains({"structured": word}) for word in constraining.STRUCTURED] == [True, True, False]
    assert constrains({}) is True
    monkeypatch.setattr(constraining, "find_spec", lambda name: None)
    assert [constrains({}), constrains({"structured": "none"})] == [False, False]
    with pytest.raises(ConfigError, match="needs the package xgrammar") as caught:
        constrains({"structured": "json_schema"})
    assert "likebut[constrained]" in caught.value.hint
    with pytest.raises(ConfigError, match="json_shema") as wrong:
        constrains({"structured": "json_shema"})
    assert "'json_schema'" in wrong.value.hint


def test_a_profile_that_demands_it_is_refused_before_a_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constraining, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="xgrammar"):
        engine_of(Path("/no/such/model"), structured="json_schema")


def test_only_replies_that_are_held_have_keys_of_their_own(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(request: Request, **options: Any) -> str:
        spec = EngineSpec("transformers", str(folder), options=options)
        return CachedEngine(spec, Cache(tmp_path / "cache.sqlite"))._question(request, 0)

    free, schema = ask("what"), ask("what", COLOURS)
    monkeypatch.setattr(constraining, "find_spec", lambda name: None)
    bare = key(schema)
    assert key(schema, structured="none") == bare
    monkeypatch.setattr(constraining, "find_spec", lambda name: object())
    assert key(schema, structured="none") == bare
    assert key(schema) == key(schema, structured="json_schema") != bare
    assert key(free) == key(free, structured="none")
    turned = {**COLOURS, "properties": dict(reversed(COLOURS["properties"].items()))}  # type: ignore[attr-defined]
    assert key(replace(schema, schema=turned)) != key(schema)
    assert key(schema, structured="none", template={"enable_thinking": False}) != bare


def test_a_model_is_not_invited_to_add_what_a_reader_would_pass_over() -> None:
    inner = {"type": "object", "properties": {"properties": {"type": "string"}}}
    schema = {"type": "object", "additionalProperties": True, "properties": {"a": inner}, "anyOf": [inner]}
    held = closed(schema)
    shut = {**inner, "additionalProperties": False}
    assert held == {
        "type": "object",
        "additionalProperties": False,
        "properties": {"a": shut},
        "anyOf": [shut],
    }
    assert schema["additionalProperties"] is True
