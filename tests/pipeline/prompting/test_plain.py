"""What plainly fits a schema fits it; what does not is for `jsonschema` to say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from likebut.pipeline import prompting
from likebut.pipeline.prompting.plain import plainly_fits

NAMES = st.sampled_from("abc")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("xé", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)
SCHEMAS = st.recursive(
    st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": st.integers(0, 2)})
    | st.fixed_dictionaries({}, optional={"type": st.sampled_from(["integer", "null", ["string"]])})
    | st.just({"type": "string", "enum": ["x"]}),
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array")}, optional={"items": inner})
        | st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={
                "properties": st.dictionaries(NAMES, inner, max_size=3),
                "required": st.lists(NAMES, max_size=2, unique=True),
                "additionalProperties": st.booleans() | inner,
            },
        )
    ),
    max_leaves=5,
)


@given(VALUES, SCHEMAS)
def test_a_yes_is_what_the_validator_says(value: Any, schema: dict[str, Any]) -> None:
    if plainly_fits(value, schema):
        assert not list(Draft202012Validator(schema).iter_errors(value))


@given(st.data())
def test_of_the_schemas_that_prompts_have_a_no_is_right_too(data: st.DataObject) -> None:
    schema = prompting.load("reason/likebut").schema
    assert schema is not None
    texts, lists = st.text("xé", max_size=2), st.lists(st.text("x", max_size=2) | st.none(), max_size=2)
    parts = dict.fromkeys([*schema["properties"], "more"], texts | lists)
    value = data.draw(st.fixed_dictionaries({}, optional=parts))
    whole = {"reasoning": "", "target_caption": "x", "desired": [], "preserved": [], "forbidden": []}
    for one in (value, {**whole, **value}):
        assert plainly_fits(one, schema) is Draft202012Validator(schema).is_valid(one)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "x"},
        {"type": "array", "minItems": 2},
        {"type": "object", "required": ["a"], "if": {}},
        {"anyOf": [{"type": "string"}]},
        {"type": "integer"},
        {},
        True,
    ],
)
def test_words_that_it_does_not_know_are_no_yes(schema: Any) -> None:
    assert not any(plainly_fits(value, schema) for value in ("x", [], {"a": 1}, 1))


def test_bounds_are_not_held_against_a_value() -> None:
    schema = {"type": "array", "maxItems": 1, "items": {"type": "string", "maxLength": 1}}
    assert plainly_fits(["xx", "yy"], schema)
