"""Judges that give an order: one call over the whole shortlist, or the first candidate that is accepted.

An order is told as confidences that fall with the place, so that every fusion can use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import prompting
from ...engines.contract import Request
from ...errors import ReplyError
from ...prompting.reply import read_reply
from ...records.chat import Exchange, Reply, Sampling
from .contract import Candidate, Case, Judged, numbered, values_of
from .tiles import LARGEST, tiled
from .yes import judge as judge_yes

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from ...asking.engine import CachedEngine
    from ...prompting import Prompt

TOKENS = 160  # of a reply that is a list of numbers
ACCEPTED = 0.5


def judge_list(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """The order that one call gives (CoTRR, SQUARE); numbers that it leaves out or doubles come last."""
    return _listed(cases, prompt, engine, _in_order)


def judge_list_twice(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """The mean place of two calls, one with the list turned round: early places are favoured."""
    once, turned = (_listed(cases, prompt, engine, way) for way in (_in_order, _turned))
    return [
        Judged(
            {row: (one.confidence[row] + other.confidence[row]) / 2 for row in one.confidence}
            if one.confidence and other.confidence
            else one.confidence or other.confidence,
            (*one.exchanges, *other.exchanges),
        )
        for one, other in zip(once, turned, strict=True)
    ]


def judge_grid(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """The order of one call over one picture of all candidates, numbered (SQUARE).

    A candidate whose picture cannot be read has no confidence. A judge that does not see reads a list.
    """
    return _listed(cases, prompt, engine, _tiled)


def judge_pair(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """The first candidate that is accepted moves to the top, all others keep their order (ImageScope)."""
    judged = []
    for case, one in zip(cases, judge_yes(cases, prompt, engine), strict=True):
        rows = [candidate.row for candidate in case.candidates]
        first = next((row for row in rows if one.confidence.get(row, 0.0) > ACCEPTED), None)
        order = rows if first is None else [first, *(row for row in rows if row != first)]
        judged.append(replace_confidence(one, order))
    return judged


def replace_confidence(judged: Judged, order: Sequence[int]) -> Judged:
    """The same with confidences that say an order of rows, best first."""
    return judged._replace(confidence=falling(order))


def falling(order: Sequence[int]) -> dict[int, float]:
    """Row → 1 for the first of n, 1/n for the last."""
    return {row: (len(order) - place) / len(order) for place, row in enumerate(order)}


def _listed(
    cases: Sequence[Case], prompt: Prompt, engine: CachedEngine, show: Callable[[Case], _Shown]
) -> list[Judged]:
    shown = [show(case) for case in cases]
    asked = []
    for (trace, _), (candidates, pictures) in zip(cases, shown, strict=True):
        values = values_of(prompt, trace, numbered(candidates))
        first = [trace.query.reference] if pictures and trace.query.reference else []
        messages = prompting.render(prompt, values, images=[*first, *pictures])
        asked.append(Request(messages, Sampling(max_tokens=TOKENS), prompt.schema))
    requests = [request for request, one in zip(asked, shown, strict=True) if one.candidates]
    replies = iter(zip(requests, engine.generate(requests) if requests else [], strict=True))
    judged = []
    for case, one in zip(cases, shown, strict=True):
        if not one.candidates:
            judged.append(Judged({}))
            continue
        request, reply = next(replies)
        exchange = Exchange("rerank", engine.model, prompt.name, request.messages, reply)
        exchange = replace(exchange, revision=engine.revision)
        order = _order(prompt, reply, one.candidates)
        told = {candidate.row for candidate in one.candidates}
        rest = [c.row for c in case.candidates if c.row in told and c.row not in order]
        judged.append(Judged(falling([*order, *rest]) if order else {}, (exchange,)))
    return judged


class _Shown(NamedTuple):
    """Candidates in the order of their numbers, and the pictures that show them."""

    candidates: Sequence[Candidate]
    pictures: Sequence[Path]


def _in_order(case: Case) -> _Shown:
    return _Shown(case.candidates, [one.picture for one in case.candidates if one.picture])


def _turned(case: Case) -> _Shown:
    return _in_order(case._replace(candidates=list(reversed(case.candidates))))


def _tiled(case: Case) -> _Shown:
    """One picture for all that can be read; where there are captions, nothing is drawn."""
    from ....indexes.decode import load_image
    from ....indexes.errors import GalleryError

    read: list[tuple[Candidate, Image]] = []
    for one in case.candidates:
        if one.picture is None:
            return _in_order(case)
        with suppress(GalleryError):
            read.append((one, load_image(one.picture, LARGEST)))
    return _Shown([one for one, _ in read], [tiled([picture for _, picture in read])] if read else [])


def _order(prompt: Prompt, reply: Reply, candidates: Sequence[Candidate]) -> list[int]:
    """The rows that a reply names by number, each once; none where it cannot be used."""
    try:
        value: Any = read_reply(prompt, reply).value
    except ReplyError:
        return []
    numbers = value.get("order", []) if isinstance(value, dict) else []
    places = [n for n in numbers if isinstance(n, int) and 1 <= n <= len(candidates)]
    return [candidates[place - 1].row for place in dict.fromkeys(places)]
