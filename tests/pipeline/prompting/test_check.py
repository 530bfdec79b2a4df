"""Faults of prompt templates: each is found, on its line, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.prompting.check import check
from likebut.pipeline.prompting.reply import parse_reply

GOOD = """\
+++
version = "1"
description = "d"
variables = ["caption", "modification"]
reply = "json"

[schema]
type = "object"
required = ["target_caption"]

[schema.properties]
reasoning = { type = "string", maxLength = 90 }
target_caption = { type = "string", maxLength = 20 }

[[examples]]
caption = "a red apple"
modification = "make it blue"
[examples.reply]
target_caption = "a blue apple"
+++
=== system ===
Rewrite the caption.
=== user ===
{{ caption }}
{{ modification }}
"""


def faults(tmp_path: Path, source: str, stage: str = "reason") -> list[tuple[int, str, str]]:
    (tmp_path / stage).mkdir(exist_ok=True)
    path = tmp_path / stage / "mine.j2"
    path.write_text(source)
    found = check(str(path))
    assert {problem.file for problem in found} <= {str(path)}
    return [(problem.line, problem.level, problem.text) for problem in found]


@pytest.mark.parametrize("name", prompting.names())
def test_every_shipped_prompt_is_without_fault(name: str) -> None:
    assert check(name) == []


@pytest.mark.parametrize("name", [name for name in prompting.names() if name.startswith("reason/")])
def test_every_shipped_reason_prompt_shows_two_examples_that_fit_and_answers_in_english(name: str) -> None:
    prompt = prompting.load(name)
    assert len(prompt.examples) >= 2
    system = prompting.render(prompt, dict.fromkeys(prompt.variables, "x"))[0].text
    assert "any language" in system
    for example in prompt.examples:
        assert example["caption"] in system
        assert parse_reply(prompt, system[system.index(example["modification"]) :])


def test_a_good_template_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "level", "words"),
    [
        ("{{ modification }}", "{{ modifications }}", 25, "error", "did you mean 'modification'"),
        ("{{ modification }}", "no more", 4, "error", "declares the variable 'modification'"),
        ('"modification"]', '"modification", "mood"]', 4, "error", "and no 'mood'"),
        ('["caption", ', "[", 4, "error", "gives 'caption', which is not declared"),
        ("{{ caption }}", "{{ caption }", 24, "error", "unexpected '}'"),
        ("{{ caption }}", "{% if caption %}", 25, "error", "end of template"),
        ("=== user ===", "=== assistant ===", 24, "error", "not the user's"),
        ('version = "1"', "version = ", 2, "error", "not valid TOML"),
        ('reply = "json"', 'reply = "json"\nreplay = 1', 6, "error", "'replay' — did you mean"),
        ('variables = ["caption", "modification"]', 'variables = "caption"', 4, "error", "is no list"),
        ('type = "object"', 'type = "objekt"', 8, "error", "no valid JSON schema: type: 'objekt'"),
        ('"string", maxLength = 20', '"strong", maxLength = 20', 13, "error", "no valid JSON schema"),
        ('required = ["target_caption"]', 'required = ["target"]', 9, "error", "requires 'target'"),
        (", maxLength = 20", "", 13, "warning", "target_caption has no maxLength"),
        (
            'target_caption = { type = "string", maxLength = 20 }',
            'target_caption = { type = "string", maxLength = 20 }\n'
            'desird = { type = "array", maxItems = 2 }',
            14,
            "warning",
            "nothing reads the field 'desird': did you mean 'desired'",
        ),
        ('target_caption = "a blue apple"', "target_caption = 7", 15, "error", "reply.target_caption: 7"),
        ('"a blue apple"', '"a very very very blue apple"', 15, "error", "too long"),
        ('modification = "make it blue"\n', "", 15, "error", "example 1: has no 'modification'"),
        ('caption = "a red apple"', 'caption = "an apple"\nmood = "x"', 15, "error", "has 'mood'"),
        ("{{ modification }}", "{{ modification }}\n" + "Fixed. " * 40, 24, "warning", "'caption' stands"),
    ],
)
def test_a_fault_is_found_on_its_line(
    tmp_path: Path, old: str, new: str, line: int, level: str, words: str
) -> None:
    assert old in GOOD
    found = faults(tmp_path, GOOD.replace(old, new, 1))
    assert any((place, kind) == (line, level) and words in text for place, kind, text in found), found


def test_reasoning_after_the_answer_is_a_warning(tmp_path: Path) -> None:
    lines = GOOD.splitlines(keepends=True)
    lines[11], lines[12] = lines[12], lines[11]
    assert faults(tmp_path, "".join(lines)) == [
        (13, "warning", "reasoning is not the first field: the thoughts would come after the answer")
    ]


def test_a_json_prompt_without_examples_is_a_warning(tmp_path: Path) -> None:
    start, end = GOOD.index("[[examples]]"), GOOD.index("+++\n=== system")
    assert faults(tmp_path, GOOD[:start] + GOOD[end:]) == [
        (1, "warning", "no [[examples]] that show variables and the right reply")
    ]


def test_the_describe_stage_gives_the_modification_alone(tmp_path: Path) -> None:
    text = '+++\nvariables = ["caption"]\n+++\n=== user ===\n{{ caption }}'
    assert faults(tmp_path, text, "describe") == [
        (2, "error", "the describe stage gives modification, and no 'caption'")
    ]
    assert faults(tmp_path, text.replace("caption", "modification"), "describe") == []
    assert faults(tmp_path, text, "elsewhere") == []


def test_a_variable_within_an_example_is_no_variable_of_the_query(tmp_path: Path) -> None:
    loop = "{% for example in examples %}{{ example.caption }}{% endfor %}" + "Fixed words. " * 20
    assert faults(tmp_path, GOOD.replace("Rewrite the caption.", loop)) == []


def test_a_prompt_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no prompt 'reason/likebutt'"):
        check("reason/likebutt")
