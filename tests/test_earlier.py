"""What an earlier likebut wrote is read as before: an index, a run, saved traces, keys of answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from likebut.indexes.maintain import verify
from likebut.indexes.store import Index
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.evaluation import runs
from likebut.pipeline.records.chat import Message, Sampling
from likebut.pipeline.records.keys import content_key
from likebut.pipeline.records.saved import read_saved
from likebut.pipeline.records.traces import trace_from_json, trace_to_json

EARLIER = Path(__file__).parent / "data" / "earlier"
SCHEMA = {"type": "object", "properties": {"target_caption": {"type": "string"}}}


def test_an_index_opens_whole() -> None:
    assert verify(EARLIER / "index").ok
    index = Index.open(EARLIER / "index")
    assert (index.count, index.dimension) == (8, 128)
    assert index.row_of("scene-00003.png") == 3
    assert np.linalg.norm(index.take([3])[0]) == pytest.approx(1, abs=1e-3)
    assert index.mu.shape == (128,)


def test_a_run_has_the_metrics_that_were_written_with_it() -> None:
    run = runs.open_run(EARLIER / "run")
    written = json.loads((EARLIER / "run" / runs.METRICS).read_text())
    assert runs.summary(run) == written


def test_a_saved_trace_says_the_same() -> None:
    for line in (EARLIER / "traces.jsonl").read_text().splitlines():
        record = json.loads(line)
        again = trace_to_json(trace_from_json(record))
        for hit in again["ranking"]["hits"]:
            assert hit.pop("alike") == []  # it had no such field
        assert again == record
    saved = read_saved(EARLIER / "traces.jsonl", "q0000")
    assert saved.intent.target_caption == "one large yellow bird in a room at night as a sketch"


@pytest.mark.parametrize(
    ("spec", "shown", "told"),
    [
        (
            EngineSpec("openai", "gpt", "r1", options={"base_url": "x", "extra_body": {"a": 1}}),
            "41647dfc8de2bbc95cf8c66b1a384cc74ebc84de2ef0660d589a1ac44d72bb59",
            "d1457b268134f31d73c40d412706af60932e58a5eb133a5ee5bdb9f3b5b49218",
        ),
        (
            EngineSpec("scripted", "s"),
            "29da07676d4e52be5775d2abbaf93328eebd75e8c31da6248e3f758e55e44d56",
            "dda61d880cc793d9e94f0a43b73d3d340b0f1df9de11e4ee27af66eeab9f8977",
        ),
    ],
)
def test_answers_that_were_paid_for_lie_under_the_same_keys(
    tmp_path: Path, spec: EngineSpec, shown: str, told: str
) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(b"picture")
    engine = CachedEngine(spec, Cache(tmp_path / "c.sqlite"))
    seeing = Request((Message("user", "what", (picture,)),), Sampling(64, 0.7, 1))
    asking = Request((Message("system", "s"), Message("user", "x")), Sampling(), SCHEMA)
    assert content_key(**engine._question(seeing, 0)) == shown
    assert content_key(**engine._question(asking, 2)) == told
