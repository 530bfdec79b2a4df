"""Two prompts about four pictures of one colour, small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline.benchmarks import jsonl
from likebut.pipeline.benchmarks.records import Benchmark, Case, Item
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.evaluation.opened import Opened
from likebut.pipeline.lab.trial import Trial, attempt
from likebut.pipeline.lab.variants import variants
from tests.pipeline.colours import COLOURS, colour_composer

TEMPLATE = """+++
version = "1"
description = "{word}"
variables = ["caption", "modification"]
reply = "json"

[schema]
type = "object"
required = ["target_caption"]

[schema.properties.target_caption]
type = "string"
+++
=== user ===
{word}: {{{{ caption }}}} / {{{{ modification }}}}
"""

# What a comparison says of its origin.
ASKED = {"on": "here", "protocol": "colours v1", "recipe": "cirevl", "stage": 1, "sample": None, "seed": 0}


def write_prompt(folder: Path, word: str) -> str:
    """A template whose message begins with its name; the path of the file."""
    path = folder / f"{word}.j2"
    path.write_text(TEMPLATE.format(word=word))
    return str(path)


def evaluation(tmp_path: Path, *pairs: tuple[str, str], targets: tuple[str, ...] = ("blue.png",)) -> Opened:
    """One query, "blue please" about the red picture; the reasoner answers by ``pairs``."""
    again = ("^That reply cannot be used", "I still cannot")
    composer = colour_composer(tmp_path, *pairs, again, recipe=load_recipe("cirevl"))
    items = tuple(Item(f"{name}.png", tmp_path / "gallery" / f"{name}.png") for name in COLOURS)
    case = Case("q1", "red.png", "blue please", targets, targets)
    benchmark = Benchmark("colours", "all", jsonl.protocol("colours"), (case,), items)
    job = Evaluation(
        benchmark, benchmark.cases, replace(composer, index=None), tmp_path / "run", tmp_path / "own.index"
    )
    return job.open()[0]


Try = Callable[..., list[Trial]]


@pytest.fixture
def trials(tmp_path: Path) -> Try:
    """Trials of prompts by their names; ``replies`` are what each is answered, in order."""

    def run(targets: tuple[str, ...] = ("blue.png",), **replies: str) -> list[Trial]:
        pairs = [(f"^{word}:", text) for word, text in replies.items()]
        job = evaluation(tmp_path, *pairs, targets=targets)
        prompts = [write_prompt(tmp_path, word) for word in replies]
        found = variants(load_recipe("cirevl"), prompts, ["pocket"])
        return [attempt(job, variant) for variant in found]

    return run


def target(text: str) -> str:
    """A reply with this target caption."""
    return f'{{"target_caption": "{text}"}}'
