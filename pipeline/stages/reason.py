"""The reason stage: what the reasoner understands of every query that has a reference and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import prompting
from ..asking.encoder import CachedEncoder
from ..asking.engine import CachedEngine
from ..config.parts import ReasonStage
from ..config.recipe import Recipe
from ..records.chat import FAILED, Exchange, Sampling
from ..records.trace import NOT_DESCRIBED, NOT_REASONED, Intent, Trace
from .ask import Question
from .carry import carried
from .choose import Sides, agreed, consult
from .contract import Need
from .intent import merged

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Reason:
    """One or several prompts, each asked once or in samples.

    ``seen`` gives the (d,) unit vectors of references, None where there is none; with ``looks`` the
    reasoner is shown pictures where its stage lets it.
    """

    recipe: Recipe
    engine: CachedEngine
    sampling: Sampling
    encoder: CachedEncoder
    seen: Callable[[Sequence[Trace]], list[NDArray[Any] | None]]
    looks: bool = False
    name = "reason"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with intents; one whose reasoner gave no answer has an error."""
        found = list(traces)
        wanted = [n for n, t in enumerate(found) if t.intent is NOT_REASONED and t.query.composed]
        intents: dict[int, list[Intent]] = {n: [] for n in wanted}
        for stage, places in self._stages(found, wanted):
            alive = [n for n in places if not found[n].error]
            answers = self._ask(stage, [found[n] for n in alive])
            for n, (intent, exchanges) in zip(alive, answers, strict=True):
                intents[n].append(intent)
                found[n] = _with(found[n], exchanges)
        for n, several in intents.items():
            if several:
                history, lists = found[n].query.history, self.recipe.dialogue.carry
                found[n] = replace(found[n], intent=carried(merged(several), history, lists))
        return [_as_said(trace) for trace in found]

    def needs(self) -> Sequence[Need]:
        """The reasoner, with all samples and retries of all prompts."""
        described = self.recipe.describe
        captions = max(described.captions if described else 0, 1)
        calls = sum(
            (stage.retries + 1) * (captions if stage.over == "captions" else 1) * stage.samples
            for stage in self.recipe.reason
        )
        return [Need(self.engine, calls)]

    def _stages(
        self, traces: Sequence[Trace], wanted: Sequence[int]
    ) -> Iterator[tuple[ReasonStage, list[int]]]:
        """Every question, with the places of the traces that it is about: later turns have their own."""
        later = [n for n in wanted if traces[n].query.history]
        for recipe, places in (
            (self.recipe, [n for n in wanted if n not in set(later)]),
            (self.recipe.later, later),
        ):
            yield from ((stage, places) for stage in recipe.reason)

    def _ask(
        self, stage: ReasonStage, traces: Sequence[Trace]
    ) -> list[tuple[Intent, tuple[Exchange, ...]]]:
        """One question a trace, or one about each of its captions; one answer of its samples."""
        if not traces:
            return []
        questions = [self._questions(stage, trace) for trace in traces]
        asked = [(n, question) for n, several in enumerate(questions) for question in several]
        sampled = consult(
            [question for _, question in asked],
            prompting.load(stage.prompt, stage.language or prompting.LANGUAGE),
            self.engine,
            self.sampling,
            stage,
        )
        sides = self._sides([traces[n] for n, _ in asked]) if stage.choose == "best" else ()
        chosen = agreed([part for part, _ in sampled], stage.choose, self.encoder, sides)
        answers: list[tuple[list[Intent], list[Exchange]]] = [([], []) for _ in traces]
        for (n, _), intent, (_, exchanges) in zip(asked, chosen, sampled, strict=True):
            answers[n][0].append(intent)
            answers[n][1].extend(exchanges)
        one = stage.over == "caption"
        return [(i[0] if one else _over_captions(i), tuple(e)) for i, e in answers]

    def _questions(self, stage: ReasonStage, trace: Trace) -> list[Question]:
        """What the reasoner is asked: about the picture, its caption, or each of its captions."""
        query = trace.query
        suggested = trace.refinement.suggestion if trace.refinement else ""
        about = Question("", query.modification, (), suggested, query.history)
        moved_on = query.history and trace.description is not NOT_DESCRIBED
        if stage.sees and self.looks and query.reference and not moved_on:
            return [replace(about, images=(query.reference,))]
        captions = trace.description.captions or ("",)
        asked = captions if stage.over == "captions" else captions[:1]
        return [replace(about, caption=caption) for caption in asked]

    def _sides(self, traces: Sequence[Trace]) -> list[Sides]:
        """What samples about each trace are compared with: its reference and its sentence."""
        sentences = list(dict.fromkeys(trace.query.modification for trace in traces))
        encoded = dict(zip(sentences, self.encoder.texts_with_counts(sentences), strict=True))
        return [
            [side for side in (picture, encoded[trace.query.modification][0]) if side is not None]
            for trace, picture in zip(traces, self.seen(traces), strict=True)
        ]


def _over_captions(intents: Sequence[Intent]) -> Intent:
    return replace(merged(intents), rewrites=tuple(i.target_caption for i in intents))


def _with(trace: Trace, exchanges: tuple[Exchange, ...]) -> Trace:
    trace = replace(trace, exchanges=(*trace.exchanges, *exchanges))
    # A prompt that is refused falls back; one that nobody answered can be asked again.
    for reply in (exchange.reply for exchange in exchanges):
        if reply.finish == FAILED:
            trace = trace.failed(f"the reasoner gave no answer: {reply.error}")
    return trace


def _as_said(trace: Trace) -> Trace:
    """Without a reference the sentence itself says what the picture shows."""
    if trace.intent is not NOT_REASONED:
        return trace
    return replace(trace, intent=Intent("" if trace.query.referring else trace.query.modification))
