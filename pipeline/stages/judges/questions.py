"""Questions with expected answers: what the sentence asks for, piece by piece (ImageScope, GRB + LCR).

One call turns the sentence into yes/no questions; each is asked about every candidate, by its next
token. A candidate's confidence is the mean probability of the expected answers, or the share of answers
that are as expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import prompting
from ...engines.contract import Request
from ...errors import ReplyError
from ...prompting.reply import read_reply
from ...records.chat import Exchange, Reply, Sampling
from ...records.trace import Trace
from .contract import Case, Judged, values_of
from .yes import CHOICES, confidence_of

if TYPE_CHECKING:
    from ...asking.engine import CachedEngine
    from ...prompting import Prompt

ABOUT = "judge/answer"  # the prompt of one question about one candidate
TOKENS, MOST, LIKELIER = 320, 5, 0.5


class Expected(NamedTuple):
    """A question, and whether a right candidate has it answered with Yes."""

    question: str
    yes: bool


def judge(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """As `contract.Judge` says: mean probabilities (GRB + LCR); ``prompt`` makes the questions."""
    return _judged(cases, prompt, engine, lambda chance: chance)


def judge_fitting(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """The share of answers that are likelier as expected than not (ImageScope counts them)."""
    return _judged(cases, prompt, engine, lambda chance: float(chance > LIKELIER))


def _judged(
    cases: Sequence[Case], prompt: Prompt, engine: CachedEngine, worth: Callable[[float], float]
) -> list[Judged]:
    made = [_made(trace, prompt) for trace, _ in cases]
    written = engine.generate(made)
    expected = [_expected(prompt, reply) for reply in written]
    about = prompting.load(f"{ABOUT}-seen" if _sees(cases) else ABOUT)
    requests: list[Request] = []
    for (_, candidates), several in zip(cases, expected, strict=True):
        for candidate in candidates:
            shown = [candidate.picture] if candidate.picture else []
            for one in several:
                values = {"candidate": candidate.caption, "question": one.question}
                values = {name: text for name, text in values.items() if name in about.variables}
                messages = prompting.render(about, values, images=shown)
                requests.append(Request(messages, Sampling(max_tokens=1), choices=CHOICES))
    answers = iter(zip(requests, engine.generate(requests), strict=True))
    judged = []
    for case, several, request, reply in zip(cases, expected, made, written, strict=True):
        confidence: dict[int, float] = {}
        exchanges = [_exchange(engine, prompt.name, request, reply)]
        for candidate in case.candidates:
            told = [(one, *next(answers)) for one in several]
            exchanges += [_exchange(engine, about.name, asked, answer) for _, asked, answer in told]
            chances = [_fits(one, confidence_of(answer)) for one, _, answer in told]
            if chances and None not in chances:
                confidence[candidate.row] = sum(worth(chance or 0.0) for chance in chances) / len(chances)
        judged.append(Judged(confidence, tuple(exchanges)))
    return judged


def _sees(cases: Sequence[Case]) -> bool:
    return any(one.picture for case in cases for one in case.candidates)


def _made(trace: Trace, prompt: Prompt) -> Request:
    messages = prompting.render(prompt, values_of(prompt, trace))
    return Request(messages, Sampling(max_tokens=TOKENS), prompt.schema)


def _expected(prompt: Prompt, reply: Reply) -> list[Expected]:
    """The questions of a reply, MOST at most; none where it cannot be used."""
    try:
        value: Any = read_reply(prompt, reply).value
    except ReplyError:
        return []
    found = value.get("questions", []) if isinstance(value, Mapping) else []
    return [
        Expected(" ".join(one["question"].split()), bool(one["expected"]))
        for one in found
        if isinstance(one, Mapping)
        and isinstance(one.get("question"), str)
        and isinstance(one.get("expected"), bool)
    ][:MOST]


def _fits(one: Expected, yes: float | None) -> float | None:
    return None if yes is None else yes if one.yes else 1 - yes


def _exchange(engine: CachedEngine, prompt: str, request: Request, reply: Reply) -> Exchange:
    exchange = Exchange("rerank", engine.model, prompt, request.messages, reply)
    return replace(exchange, revision=engine.revision)
