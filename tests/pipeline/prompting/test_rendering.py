"""A stranger's template costs one line of complaint, and no memory, no time, no file."""

from __future__ import annotations

import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.prompting.rendering import TURNS, render

HOSTILE = [
    "{% include '/etc/passwd' %}",
    "{% extends 'base' %}",
    "{{ 1 // 0 }}",
    "{{ a.missing.deeper }}",
    "{{ nobody }}",
    "{{ 'x' * 10**10 }}",
    "{{ ['x'] * 10**10 }}",
    "{{ 10**10**10 }}",
    "{{ 9**64**64 }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(10**9) %}{{ i }}{% endfor %}",
    "{% for i in 'x' * 999999 %}{% endfor %}",
    "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ '%0999999999d' % 1 }}",
    "{{ '{:0999999999d}'.format(1) }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ 'x'|center(10**9) }}",
    "{{ ('x' * 900000)|replace('x', 'y' * 900000) }}",
    "{{ range(99999)|join('y' * 900000) }}",
    "{{ lipsum(n=100000) }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ a.__init__.__globals__ }}",
    "{% for i in range(9) %}{{ 'x' * 900000 }}{% endfor %}",
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("source", HOSTILE)
def test_a_template_out_of_bounds_is_an_error_that_names_its_prompt(source: str) -> None:
    with pytest.raises(ConfigError, match=r"^prompt mine: ") as caught:
        render(source, {"a": "b"}, "prompt mine")
    assert "\n" not in caught.value.message


def test_what_prompts_do_is_left_to_them() -> None:
    source = (
        "{% for e in examples %}{{ loop.index }}. {{ e.a|upper }}{% if not loop.last %}, {% endif %}"
        "{% endfor %}; {{ 2 * 3 + 4 }} {{ 'a' ~ 1 ~ b }} {{ ['x', 'y']|join('-') }} "
        "{{ b|replace('c', 'd') }}"
        "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(b) }}"
    )
    values = {"examples": [{"a": "one"}, {"a": "two"}], "b": "c"}
    assert render(source, values, "p") == "1. ONE, 2. TWO; 10 a1c x-y d<c>"


def test_every_rendering_has_all_turns() -> None:
    source = f"{{% for i in range({TURNS - 1}) %}}{{% endfor %}}."
    assert [render(source, {}, "p") for _ in range(2)] == [".", "."]
