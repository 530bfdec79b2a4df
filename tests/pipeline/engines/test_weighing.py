"""How prompts are put together so that what they share is read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.transformers import TransformersEngine
from likebut.pipeline.engines.weighing import grouped, of_like_length, shared_length
from likebut.pipeline.records.chat import Message, Sampling
from tests.pipeline.engines.families import READERS

SYSTEM = list(range(100, 130))  # thirty tokens that all prompts begin with
ONE, OTHER = list(range(200, 240)), list(range(300, 340))  # what is said of a query, forty tokens


def test_candidates_of_a_query_are_read_behind_all_that_is_said_of_it() -> None:
    """30 + 40 tokens twice and six ends, and not 30 once and six times 41."""
    rows = [[*SYSTEM, *query, end] for end in (1, 2, 3) for query in (ONE, OTHER)]
    assert sorted(map(sorted, grouped(rows))) == [[0, 2, 4], [1, 3, 5]]
    assert shared_length([rows[0], rows[2], rows[4]]) == 70


def test_queries_stay_together_where_they_differ_by_little() -> None:
    """Two passes more cost more tokens than the two that are read again for each."""
    rows = [[*SYSTEM, query, query, end] for query in (7, 8) for end in (1, 2)]
    assert len(grouped(rows)) == 1
    assert shared_length(rows) == 30


def test_a_beginning_is_shared_only_where_that_saves_a_pass() -> None:
    assert shared_length([[1, 2, 3, 4], [1, 2, 3, 5]]) == 0
    assert shared_length([[*range(16), 1], [*range(16), 2]]) == 0  # 16 saved, and a pass costs 16
    assert shared_length([[*range(17), 1], [*range(17), 2]]) == 17
    assert shared_length([list(range(50))]) == 0


def test_something_of_every_prompt_is_left_to_read() -> None:
    assert shared_length([list(range(50)), list(range(50))]) == 49
    assert shared_length([list(range(30)), list(range(60))]) == 29


def test_prompts_alone_or_without_a_common_beginning_are_one_group_each_or_together() -> None:
    assert grouped([[1, 2, 3]]) == [[0]]
    assert sorted(place for group in grouped([[3], [1, 2], [2]]) for place in group) == [0, 1, 2]


def test_what_is_padded_together_is_of_like_length() -> None:
    """Places by falling length; 40 beside 100 would be padded by 60, another pass costs 16."""
    assert of_like_length([40, 100, 95, 38]) == [[1, 2], [0, 3]]
    assert of_like_length([5, 5, 5]) == [[0, 1, 2]]
    assert of_like_length([]) == []


LONG = "one red apple on a table and two blue birds in the sky above a green house "


@pytest.mark.parametrize("family", list(READERS))
def test_prompts_of_two_queries_are_answered_as_each_alone(family: str, tmp_path: Path) -> None:
    """Shuffled, of very different lengths, one twice."""
    READERS[family](tmp_path / "model")
    engine = make_engine(
        EngineSpec("transformers", str(tmp_path / "model"), device="cpu", dtype="float32", batch_size=8)
    )
    texts = [f"{LONG * 2}{query}{LONG}{end}" for end in ("a", "b c", LONG) for query in ("x ", "y ")]
    requests = [
        Request((Message("user", text),), Sampling(max_tokens=1), choices=("Yes", "No"))
        for text in (*texts, texts[0])
    ]
    together = engine.generate(requests)
    for request, reply in zip(requests, together, strict=True):
        (alone,) = engine.generate([request])
        assert reply.chances == pytest.approx(alone.chances, abs=1e-4)


def test_every_query_is_read_once_and_no_word_is_weighed_but_the_last(tmp_path: Path) -> None:
    READERS["llama"](tmp_path / "llama")
    engine = make_engine(EngineSpec("transformers", str(tmp_path / "llama"), device="cpu", dtype="float32"))
    assert isinstance(engine, TransformersEngine)
    read: list[tuple[int, ...]] = []
    weighed: list[int] = []
    real = engine._loaded.model.forward

    def forward(*args: Any, **values: Any) -> Any:
        output = real(*args, **values)
        read.append(tuple(values["input_ids"].shape))
        weighed.append(output.logits.shape[1])
        return output

    engine._loaded.model.forward = forward
    texts = [f"{LONG * 2}{query}{LONG * 3}{end}" for end in "abc" for query in ("x ", "y ")]
    engine.generate(
        [Request((Message("user", t),), Sampling(max_tokens=1), choices=("Yes", "No")) for t in texts]
    )
    rows = [count for count, _ in read]
    assert rows == [1, 3, 1, 3]
    assert all(once > 3 * rest for (_, once), (_, rest) in zip(read[::2], read[1::2], strict=True))
    assert set(weighed) == {1}
