"""Judges that give an order: one call over the whole shortlist, or the first candidate that is accepted.

An order is told as confidences that fall with the place, so that every fusion can use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ... import prompting
from ...engines.contract import Request
from ...errors import ReplyError
from ...prompting.reply import read_reply
from ...records.chat import Exchange, Reply, Sampling
from .contract import Candidate, Case, Judged, numbered, values_of
from .yes import judge as judge_yes

if TYPE_CHECKING:
    from ...asking.engine import CachedEngine
    from ...prompting import Prompt

TOKENS = 160  # of a reply that is a list of numbers
ACCEPTED = 0.5


def judge_list(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """The order that one call gives (CoTRR, SQUARE); numbers that it leaves out or doubles come last."""
    return _listed(cases, prompt, engine, turned=False)


def judge_list_twice(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """The mean place of two calls, one with the list turned round: early places are favoured."""
    once, turned = (_listed(cases, prompt, engine, turned=way) for way in (False, True))
    return [
        Judged(
            {row: (one.confidence[row] + other.confidence[row]) / 2 for row in one.confidence}
            if one.confidence and other.confidence
            else one.confidence or other.confidence,
            (*one.exchanges, *other.exchanges),
        )
        for one, other in zip(once, turned, strict=True)
    ]


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


def _listed(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine, *, turned: bool) -> list[Judged]:
    asked = [
        (trace, list(reversed(candidates)) if turned else list(candidates)) for trace, candidates in cases
    ]
    requests = []
    for trace, candidates in asked:
        shown = [one.picture for one in candidates if one.picture]
        pictures = [trace.query.reference, *shown] if shown and trace.query.reference else shown
        values = values_of(prompt, trace, numbered(candidates))
        messages = prompting.render(prompt, values, images=[path for path in pictures if path])
        requests.append(Request(messages, Sampling(max_tokens=TOKENS), prompt.schema))
    judged = []
    for (_, candidates), request, reply in zip(asked, requests, engine.generate(requests), strict=True):
        exchange = Exchange("rerank", engine.model, prompt.name, request.messages, reply)
        exchange = replace(exchange, revision=engine.revision)
        order = _order(prompt, reply, candidates)
        rows = [one.row for one in (reversed(candidates) if turned else candidates)]
        rest = [row for row in rows if row not in order]
        judged.append(Judged(falling([*order, *rest]) if order else {}, (exchange,)))
    return judged


def _order(prompt: Prompt, reply: Reply, candidates: Sequence[Candidate]) -> list[int]:
    """The rows that a reply names by number, each once; none where it cannot be used."""
    try:
        value: Any = read_reply(prompt, reply).value
    except ReplyError:
        return []
    numbers = value.get("order", []) if isinstance(value, dict) else []
    places = [n for n in numbers if isinstance(n, int) and 1 <= n <= len(candidates)]
    return [candidates[place - 1].row for place in dict.fromkeys(places)]
