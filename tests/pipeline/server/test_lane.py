"""The lane of models: who comes together is answered together, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from likebut.pipeline.asking.wanted import check_wanted
from likebut.pipeline.errors import InputError
from likebut.pipeline.records.trace import Query, Trace
from likebut.pipeline.server.asker import Asker
from likebut.pipeline.server.lane import Lane
from likebut.pipeline.server.problems import Refused
from likebut.pipeline.server.warm import nobody


@dataclass
class Model:
    """A stage that writes down its batches, and can be held up; "bad" queries break it."""

    name: str = "reason"
    batches: list[list[str]] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        self.batches.append([trace.query.id for trace in traces])
        self.free.wait(10)
        for trace in traces:
            if trace.query.id == "bad":
                raise KeyError("a bug")
            if trace.query.id == "asks too much":
                raise InputError("that is too much")
        return [replace(trace, recipe=f"answered {trace.query.id}") for trace in traces]

    def needs(self) -> Sequence[object]:
        return ()


def ask(lane: Lane, model: Model, ident: str, key: str = "same") -> Trace:
    (found,) = lane.ask(key, [Trace(Query(ident))], [model], nobody)  # type: ignore[list-item]
    return found


def until(holds: object) -> None:
    import time

    ends = time.monotonic() + 5
    while not holds() and time.monotonic() < ends:  # type: ignore[operator]
        time.sleep(0.002)


def test_those_that_come_while_a_batch_runs_are_the_next_one() -> None:
    lane, model = Lane(wait=0.0), Model()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, lane, model, "1")
        until(lambda: model.batches)
        others = [pool.submit(ask, lane, model, str(n)) for n in range(2, 6)]
        until(lambda: lane.waiting == 4)
        model.free.set()
        assert [one.result().recipe for one in (first, *others)] == [f"answered {n}" for n in range(1, 6)]
    assert [len(batch) for batch in model.batches] == [1, 4]


def test_an_idle_lane_waits_a_little_for_others() -> None:
    lane, model = Lane(wait=0.5, most=3), Model()
    model.free.set()
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda n: ask(lane, model, str(n)), range(3)))
    assert [trace.query.id for trace in found] == ["0", "1", "2"]
    assert len(model.batches) == 1


def test_other_galleries_and_recipes_go_apart() -> None:
    lane, model = Lane(wait=0.2), Model()
    model.free.set()
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(ask, lane, model, str(n), "even" if n % 2 == 0 else "odd") for n in range(4)]
        assert [one.result().query.id for one in work] == ["0", "1", "2", "3"]
    assert all(len({int(n) % 2 for n in batch}) == 1 for batch in model.batches)


def test_where_one_is_at_fault_the_others_are_answered() -> None:
    lane, model = Lane(wait=0.5, most=3), Model()
    model.free.set()
    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(ask, lane, model, ident) for ident in ("good", "bad", "fine")]
        assert work[0].result().recipe == "answered good"
        assert work[2].result().recipe == "answered fine"
        with pytest.raises(KeyError):
            work[1].result()


def test_what_concerns_all_is_told_to_all() -> None:
    lane, model = Lane(wait=0.5, most=2), Model()
    model.free.set()
    with ThreadPoolExecutor(2) as pool:
        work = [pool.submit(ask, lane, model, ident) for ident in ("one", "asks too much")]
        for one in work:
            with pytest.raises(InputError, match="too much"):
                one.result()
    assert len(model.batches) == 1


def test_who_finds_too_many_waiting_is_told_to_come_again() -> None:
    lane, model = Lane(wait=0.0, room=2), Model()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, lane, model, "1")
        until(lambda: model.batches)
        waiting = [pool.submit(ask, lane, model, n) for n in "23"]
        until(lambda: lane.waiting == 2)
        with pytest.raises(Refused, match="2 requests wait") as told:
            ask(lane, model, "4")
        assert (told.value.status, told.value.after) == (429, 2)
        model.free.set()
        assert {one.result().query.id for one in (first, *waiting)} == {"1", "2", "3"}


def test_who_goes_away_while_waiting_is_not_asked_for() -> None:
    lane, model, asker = Lane(wait=0.0), Model(), Asker(nobody)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(ask, lane, model, "1")
        until(lambda: model.batches)
        leaving = pool.submit(lane.ask, "same", [Trace(Query("2"))], [model], asker)
        staying = pool.submit(ask, lane, model, "3")
        until(lambda: lane.waiting == 2)
        asker.leave()
        with pytest.raises(Refused, match="cancelled"):
            leaving.result(5)
        assert lane.waiting == 1
        model.free.set()
        assert [one.result().query.id for one in (first, staying)] == ["1", "3"]
    assert model.batches == [["1"], ["3"]]
    with pytest.raises(Refused, match="cancelled"):  # who is gone before it asks
        lane.ask("same", [Trace(Query("4"))], [model], asker)


@pytest.mark.parametrize("alone", [True, False])
def test_a_batch_stops_at_a_reply_where_the_last_that_wanted_it_is_gone(alone: bool) -> None:
    lane, one, other = Lane(wait=0.3, most=2), Asker(nobody), Asker(nobody)
    replies: list[int] = []

    class Replying(Model):
        """Looks after each of five replies whether anybody waits, as the engine behind the cache does."""

        def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
            for number in range(5):
                self.batches.append([trace.query.id for trace in traces])
                if number == 1:
                    self.free.wait(10)
                replies.append(number)
                check_wanted()
            return list(traces)

    model = Replying()
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(lane.ask, "same", [Trace(Query(ident))], [model], asker)
            for ident, asker in (("1", one), ("2", other))
        ]
        until(lambda: len(model.batches) == 2)
        one.leave()
        if alone:
            other.leave()
        model.free.set()
        with pytest.raises(Refused, match="cancelled"):
            asked[0].result(5)
        if alone:
            with pytest.raises(Refused, match="cancelled"):
                asked[1].result(5)
        else:
            assert asked[1].result(5)[0].query.id == "2"
    model.free.set()
    assert ask(lane, model, "3").query.id == "3"  # and the lane goes on
    assert replies == [*range(2 if alone else 5), *range(5)]


def test_a_lane_that_ends_keeps_nobody_waiting() -> None:
    lane, model = Lane(wait=0.0), Model()
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(ask, lane, model, "1")
        until(lambda: model.batches)
        waiting = pool.submit(ask, lane, model, "2")
        until(lambda: lane.waiting == 1)
        lane.close()
        for one in (running, waiting):
            with pytest.raises(Refused, match="ending"):
                one.result(5)
    with pytest.raises(Refused, match="ending"):
        ask(lane, model, "3")
    model.free.set()
