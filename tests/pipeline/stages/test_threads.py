"""One composer asked from eight threads at once, as a server does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from likebut.pipeline.records.trace import Query, Trace
from tests.pipeline.colours import REPLY, ColourEncoder, colour_composer


def asked(tmp_path: Path) -> list[Query]:
    """Forty queries over all pictures, each sentence twice."""
    names = ("red", "green", "blue", "grey")
    return [
        Query(str(n), tmp_path / "gallery" / f"{names[n % 4]}.png", f"make it {names[n // 2 % 4]}")
        for n in range(40)
    ]


def said(trace: Trace) -> tuple[object, ...]:
    return trace.query, trace.error, trace.description, trace.intent, trace.ranking, trace.warnings


def test_eight_threads_get_the_answers_of_one(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path / "a", (".", REPLY))
    alone = [said(composer.compose([query], 4)[0]) for query in asked(tmp_path / "a")]
    fresh = colour_composer(tmp_path / "b", (".", REPLY))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda query: fresh.compose([query], 4)[0], asked(tmp_path / "b")))
    assert not any(trace.error for trace in found)
    for one, other in zip(alone, map(said, found), strict=True):
        assert str(one).replace("/a/", "/b/") == str(other)


def test_answers_of_all_threads_are_kept_once_each(tmp_path: Path) -> None:
    encoder = ColourEncoder()
    composer = colour_composer(tmp_path, (".", REPLY), encoder=encoder)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda query: composer.compose([query], 4), asked(tmp_path)))
    again = composer.compose(asked(tmp_path), 4)
    assert all(exchange.reply.cached for trace in again for exchange in trace.exchanges)
    questions = {exchange.messages for trace in again for exchange in trace.exchanges}
    facts = composer.captioner.cache.info()["by model"]
    assert sum(count for name, count in facts.items() if name.endswith("answers")) == len(questions)
