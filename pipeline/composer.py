"""The composer: runs the stages over a batch of queries, one stage after the other.

It knows the order and no model. A query that cannot be answered keeps its error in its trace and
never stops the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from indexes.errors import GalleryError
from pipeline import photographs, prompting
from pipeline.agreement import Sight, agreed, consult
from pipeline.cached import CachedEncoder, CachedEngine
from pipeline.case import Case, Known
from pipeline.config import ReasonStage, Recipe
from pipeline.describe import describe
from pipeline.errors import ConfigError
from pipeline.ground import Pieces, ground, not_finite
from pipeline.negative import negative_grains
from pipeline.reason import merged
from pipeline.records import (
    FAILED,
    Description,
    Intent,
    Query,
    Sampling,
    Trace,
)
from pipeline.references import reference_vectors, rows_showing
from pipeline.search import Scope, check_preprocessing, check_sides, search
from pipeline.vocabulary import warning

if TYPE_CHECKING:
    from indexes.store import Index

OnStage = Callable[[str, int, int], None]
# What a reference is opened at to see that it is a picture: cheap for a large JPEG.
_GLANCE = 224


@dataclass(frozen=True)
class Composer:
    """Answers queries by one recipe, with the engines, encoder and index it was given.

    ``unwanted`` are texts whose similarity is subtracted from every score.
    """

    recipe: Recipe
    profile: str
    captioner: CachedEngine
    reasoner: CachedEngine
    encoder: CachedEncoder
    captioner_sampling: Sampling = Sampling()
    reasoner_sampling: Sampling = Sampling()
    reasoner_sees: bool = False
    words: frozenset[str] = frozenset()  # all that the models know, where that can be said
    index: Index | None = None
    unwanted: tuple[str, ...] = ()

    def on(self, folder: Path) -> Composer:
        """The composer with the index in ``folder``.

        Raises what Index.open raises, and ConfigError where the recipe scores captions that the
        gallery does not have.
        """
        from indexes.store import Index

        opened = Index.open_both if self.recipe.told else Index.open
        index = opened(folder, self.encoder.fingerprint)
        check_preprocessing(index, self.encoder.preprocessing)
        check_sides(index, self.recipe, self.profile)
        return replace(self, index=index)

    def compose(
        self,
        queries: Sequence[Query],
        k: int = 10,
        overrides: Mapping[str, Any] | None = None,
        on_stage: OnStage | None = None,
        scopes: Sequence[Scope] | None = None,
        known: Sequence[Known] | None = None,
        until: Literal["reason", "ground", "search"] = "search",
    ) -> list[Trace]:
        """A Trace per query, in order, with its ``k`` best hits; none where it ends before search.

        ``overrides`` replace a stage's result for every query: caption or captions, target_caption,
        desired, preserved, forbidden, rewrites, samples. ``scopes`` say what each query is ranked over,
        instead of the recipe's rule about the reference; ``known`` stands in for reference
        pictures. Raises ConfigError without an index (which reason does not need), BudgetReached,
        and ModelError where a model that is needed cannot be had; a query's own faults go to its
        trace.
        """
        if self.index is None and until != "reason":
            raise ConfigError("the composer has no index", "open one with .on(folder)")
        given = overrides or {}
        nothing = [None] * len(queries)
        cases = [
            Case(query, scope, what)
            for query, scope, what in zip(queries, scopes or nothing, known or nothing, strict=True)
        ]
        stages: list[tuple[str, Callable[[list[Case]], None]]] = [
            ("check", lambda part: self._check(part, given)),
            ("describe", lambda part: self._describe(part, given)),
            ("reason", lambda part: self._reason(part, given)),
            ("ground", self._ground),
            ("search", lambda part: self._search(part, k)),
        ]
        stages = stages[: [name for name, _ in stages].index(until) + 1]
        for number, (name, stage) in enumerate(stages):
            alive = [case for case in cases if not case.error]
            if alive:
                with _timed(name, alive):
                    stage(alive)
            if on_stage:
                on_stage(name, number + 1, len(stages))
        return [case.trace(self.recipe.name, self.profile) for case in cases]

    def _check(self, cases: list[Case], given: Mapping[str, Any]) -> None:
        set_by_hand = [
            text
            for value in given.values()
            for text in ([value] if isinstance(value, str) else value)
        ]
        for case in cases:
            said = ". ".join([case.query.modification, *set_by_hand, *self.unwanted])
            if told := warning(said, self.words, self.profile):
                case.warnings.append(told)
        from indexes.decode import load_image

        for case in cases:
            query = case.query
            if not _is_text(query.modification):
                case.error = "the modification is not UTF-8"
            elif not case.referring and not query.modification.strip():
                case.error = "the query has neither a reference nor a modification"
            elif query.reference is not None and case.known is None:
                try:
                    picture = load_image(query.reference, _GLANCE)
                except GalleryError as problem:
                    case.error = f"the reference cannot be used: {problem.message}"
                else:
                    if self.words and photographs.looks_photographed(picture):
                        case.warnings.append(photographs.warning(self.profile))

    def _describe(self, cases: list[Case], given: Mapping[str, Any]) -> None:
        if "caption" in given or "captions" in given:
            told = given.get("captions", [given.get("caption")])
            for case in cases:
                case.description = Description(tuple(map(str, told)))
            return
        for case in cases:
            if case.known:
                case.description = Description(case.known.captions)
        stage = self.recipe.describe
        needed = [case for case in cases if case.composed and case.known is None]
        if "target_caption" in given or stage is None or not needed or not self._needs_captions():
            return
        paths = [case.query.reference for case in needed if case.query.reference]
        prompt = prompting.load(stage.prompt)
        sentences = [case.query.modification for case in needed]
        described = describe(
            paths, prompt, self.captioner, self.captioner_sampling, stage.captions, sentences
        )
        for case, (description, exchanges) in zip(needed, described, strict=True):
            case.description = description
            case.exchanges += exchanges
            case.error = description.problem
            if not description.captions and not case.error:
                case.warnings.append("the captioner said nothing about the reference")

    def _needs_captions(self) -> bool:
        """Whether a question or a grain is about captions, and not about the picture itself."""
        named = (*self.recipe.grains, *self.recipe.caption_grains)
        wanted = {r for name in named for r in self.recipe.mixes.get(name, (name,))}
        asked = any(not self._shows(stage) for stage in self.recipe.reason)
        return asked or bool(wanted & {"caption", "captions", "concatenation"})

    def _shows(self, stage: ReasonStage) -> bool:
        """Whether the reasoner looks at the picture; one that cannot see is told the caption."""
        return stage.sees and self.reasoner_sees

    def _reason(self, cases: list[Case], given: Mapping[str, Any]) -> None:
        needed = [case for case in cases if case.composed and "target_caption" not in given]
        found: dict[int, list[Intent]] = {id(case): [] for case in needed}
        for stage in self.recipe.reason:
            alive = [case for case in needed if not case.error]
            for case, intent in zip(alive, self._ask(stage, alive) if alive else (), strict=True):
                found[id(case)].append(intent)
        for case in needed:
            case.intent = merged(found[id(case)]) if found[id(case)] else None
        changes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
            if name not in ("caption", "captions")
        }
        for case in cases:
            # Without a reference the sentence itself says what the picture shows.
            alone = "" if case.referring else case.query.modification
            case.intent = replace(case.intent or Intent(alone), **changes)

    def _ask(self, stage: ReasonStage, cases: list[Case]) -> list[Intent]:
        """One question a case, or one about each of its captions; one answer of its samples."""
        shown = self._shows(stage)
        asked = [(case, question) for case in cases for question in case.questions(stage, shown)]
        prompt = prompting.load(stage.prompt)
        questions = [question for _, question in asked]
        sampled = consult(questions, prompt, self.reasoner, self.reasoner_sampling, stage)
        sights = self._sights([case for case, _ in asked]) if stage.choose == "best" else []
        chosen = agreed([part for part, _ in sampled], stage.choose, self.encoder, sights)
        intents: dict[int, list[Intent]] = {id(case): [] for case in cases}
        for (case, _), intent, (_, exchanges) in zip(asked, chosen, sampled, strict=True):
            intents[id(case)].append(intent)
            case.exchanges += exchanges
            # A prompt that is refused falls back; one that nobody answered can be asked again.
            for reply in (exchange.reply for exchange in exchanges):
                if reply.finish == FAILED:
                    case.error = f"the reasoner gave no answer: {reply.error}"
        if stage.over == "caption":
            return [intents[id(case)][0] for case in cases]
        return [
            replace(merged(part), rewrites=tuple(intent.target_caption for intent in part))
            for part in (intents[id(case)] for case in cases)
        ]

    def _ground(self, cases: list[Case]) -> None:
        vectors = self._seen([case for case in cases if case.known or case.looks(self.recipe)])
        pieces = [
            Pieces(
                case.intent or Intent(""),
                case.query.modification,
                case.description,
                vectors.get(id(case)),
            )
            for case in cases
        ]
        plans = [case.plan(self.recipe) for case in cases]
        without, told = negative_grains(self.unwanted, self.recipe, self.encoder)
        for case, (grains, warnings) in zip(
            cases, ground(pieces, plans, self.encoder), strict=True
        ):
            case.grains = grains + without
            case.warnings += warnings + told
            if not grains:
                case.error = f"the query has no grain with a weight (recipe {self.recipe.name})"
            elif broken := not_finite(case.grains):
                case.error = f"the encoder gave no finite vector for {broken}"

    def _sights(self, cases: list[Case]) -> list[Sight]:
        """What samples about each case are compared with."""
        vectors = self._seen(cases)
        return [Sight(case.query.modification, vectors.get(id(case))) for case in cases]

    def _seen(self, cases: list[Case]) -> dict[int, Any]:
        """The unit vectors of references, by the id of their case: what is known, or the picture's."""
        needed = [case for case in cases if case.query.reference and not case.known]
        paths = [case.query.reference for case in needed if case.query.reference]
        assert self.index is not None
        found = reference_vectors(paths, self.index, self.encoder)
        vectors = dict(zip(map(id, needed), found, strict=True))
        return vectors | {id(case): case.known.vector for case in cases if case.known}

    def _search(self, cases: list[Case], k: int) -> None:
        assert self.index is not None
        scopes = [case.scope or Scope(self._excluded(case.query)) for case in cases]
        grains = [case.grains for case in cases]
        found = search(self.index, grains, self.recipe.fusion, k, scopes)
        for case, (ranking, subset) in zip(cases, found, strict=True):
            case.ranking, case.subset = ranking, subset

    def _excluded(self, query: Query) -> list[int]:
        if query.reference is None or not self.recipe.exclude_reference:
            return []
        assert self.index is not None
        return rows_showing(query.reference, self.index)


@contextmanager
def _timed(name: str, cases: list[Case]) -> Iterator[None]:
    """Share the wall seconds of a stage among the queries that went through it."""
    started = time.perf_counter()
    yield
    each = (time.perf_counter() - started) / len(cases)
    for case in cases:
        case.seconds[name] = each


def _is_text(text: str) -> bool:
    """Whether no part of it is half a character, as bytes that are not UTF-8 become."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
