"""The captioner of labels and colours: one line a picture, and nothing else."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline import prompting
from likebut.pipeline.encoders import lite
from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.labels import LabelsEngine, things
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.chat import Message, Reply

PHOTOGRAPHS = Path(lite.__file__).parents[1] / "pocket" / "photographs"
pytestmark = pytest.mark.skipif(find_spec("efficientnet_lite_pytorch") is None, reason="no extra photos")


def asked(path: Path) -> Request:
    return Request(prompting.render(prompting.load("describe/dense"), {}, images=(path,)))


def test_a_caption_names_things_colours_and_light_as_replies_come() -> None:
    engine = make_engine(EngineSpec("labels", "lite0", device="cpu"))
    heard: list[tuple[int, Reply]] = []
    requests = [asked(PHOTOGRAPHS / f"{name}.jpg") for name in ("coffee", "galaxies")]
    replies = engine.generate(requests, lambda place, reply: heard.append((place, reply)))
    assert "espresso" in replies[0].text
    assert "orange" in replies[0].text or "brown" in replies[0].text
    assert replies[1].text.endswith("black, at night")
    assert heard == list(enumerate(replies))
    assert engine.generate(requests) == replies


def test_the_second_label_is_named_where_it_is_nearly_as_likely() -> None:
    chances = np.zeros(1000, np.float32)
    chances[[281, 282, 7]] = 0.5, 0.3, 0.2  # tabby cat, tiger cat, rooster
    assert things(chances, 0.4) == "a tabby cat or a tiger cat"
    assert things(chances, 0.7) == "a tabby cat"


def test_a_question_and_a_file_that_is_no_picture_have_their_errors_and_stop_no_other(
    tmp_path: Path,
) -> None:
    (tmp_path / "no.jpg").write_text("none")
    question = Request((Message("user", "why?"),), schema={"type": "object"})
    engine = LabelsEngine(EngineSpec("labels", "lite0", device="cpu"))
    replies = engine.generate([question, asked(tmp_path / "no.jpg"), asked(PHOTOGRAPHS / "cat.jpg")])
    assert ["recipe that asks none" in (replies[0].error or ""), replies[2].error] == [True, ""]
    assert "not an image" in (replies[1].error or "")
    assert "Egyptian Mau" in replies[2].text  # a breed of cats


def test_unknown_classifiers_and_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="no classifier 'large'"):
        LabelsEngine(EngineSpec("labels", "large", device="cpu"))
    with pytest.raises(ConfigError, match="third"):
        LabelsEngine(EngineSpec("labels", "lite0", device="cpu", options={"third": 1}))
