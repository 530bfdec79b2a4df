"""Engines that a real Ray of two workers runs: what a worker lacks, and what ends it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.asking import afar
from likebut.pipeline.asking.afar import AfarEngine, Wanted, Workers, cut
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.errors import InputError, ModelError
from likebut.pipeline.records.chat import Message, Reply

ray = pytest.importorskip(
    "ray", reason="needs the extra ray, which is too large to be installed everywhere"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray of this machine with two processors: two workers."""
    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20
    )
    yield
    ray.shutdown()


@given(count=st.integers(0, 500), workers=st.integers(1, 9), batch=st.integers(1, 40))
def test_parts_are_all_places_in_order_and_none_is_more_than_a_workers_share(
    count: int, workers: int, batch: int
) -> None:
    parts = cut(count, workers, batch)
    assert [place for part in parts for place in part] == list(range(count))
    assert all(len(part) <= 4 * batch for part in parts)
    assert all(len(part) <= ceil(count / workers) for part in parts)


def test_few_requests_are_shared_and_many_go_in_whole_batches() -> None:
    assert [len(part) for part in cut(20, 2, 32)] == [10, 10]
    assert [len(part) for part in cut(100, 2, 8)] == [24] * 4 + [4]
    assert [len(part) for part in cut(128, 2, 8)] == [32] * 4


class Deadly(Wanted):
    """An engine that one request ends, and whoever runs it."""

    def load(self) -> Any:
        class Engine:
            sees = True

            def generate(self, requests: list[Request], on_reply: Any = None) -> list[Reply]:
                if any("deadly" in one.messages[-1].text for one in requests):
                    os._exit(1)
                return [Reply(one.messages[-1].text.upper()) for one in requests]

        return Engine()


def asked(*texts: str) -> list[Request]:
    return [Request((Message("user", text),)) for text in texts]


def test_a_request_that_ends_whoever_answers_it_fails_alone(
    cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(afar, "RETRIES", 2)  # one is lost to a worker that is just about to end
    gc.collect()
    engine = AfarEngine(Workers("local"), Deadly(EngineSpec("given", "deadly", batch_size=4), ""))
    replies = engine.generate(asked("a", "b", "deadly", "c"))
    assert [(reply.text, reply.error) for reply in replies] == [
        ("A", ""),
        ("B", ""),
        ("", "whoever answers it crashes"),
        ("C", ""),
    ]


def test_a_worker_with_other_weights_is_refused(cluster: None, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('[{"match": ".", "reply": "yes"}]', encoding="utf-8")
    gc.collect()
    workers = Workers("local")
    with pytest.raises(ModelError, match=r"a worker of Ray on .*: the weights of .* are others"):
        workers.engine(EngineSpec("scripted", str(script)), "0" * 64).generate(asked("a"))
    (reply,) = workers.engine(EngineSpec("scripted", str(script)), "").generate(asked("a"))
    assert reply.text == "yes"  # and the workers are of use again


def test_a_picture_that_a_worker_does_not_have_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "there.png"
    picture.write_bytes(b"one")
    content = afar._pictures([Request((Message("user", "", (picture,)),))])
    picture.write_bytes(b"another")
    with pytest.raises(InputError, match=r"there\.png is not here, or another picture"):
        afar._check(picture, content[picture])
    picture.unlink()
    with pytest.raises(InputError, match=r"there\.png is not here, or another picture"):
        afar._check(picture, content[picture])
