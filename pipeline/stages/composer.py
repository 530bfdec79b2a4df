"""The composer: runs the stages over a batch of queries, one stage after the other.

It knows the order and no model. A query that cannot be answered keeps its error in its trace and
never stops the others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...indexes.searchers import make_searcher
from ..asking.composed import check_composes
from ..asking.encoder import CachedEncoder
from ..asking.engine import CachedEngine
from ..config.recipe import Recipe
from ..errors import ConfigError
from ..machine.kept import picture_file
from ..records.chat import Sampling
from ..records.trace import Query, Trace
from .check import Check
from .contract import Stage
from .describe import Describe
from .earlier import Earlier
from .editing import Understood, resumed, resumed_with
from .feedback import Marked, feedback
from .fits import check_elsewhere, check_preprocessing, check_regions, check_sides, tell_mapped
from .glances import Glances
from .ground import Ground
from .languages import Reads
from .reason import Reason
from .reference import composed_of, parts_seen, vectors_seen
from .refine import Refine
from .rerank import Rerank
from .running import run
from .search import Search
from .showing import Showing
from .tags import Tags

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from ...indexes.contract import Gallery
    from .conversation import Session

Until = Literal["describe", "reason", "ground", "search", "rerank"]


@dataclass(frozen=True)
class Composer:
    """Answers queries by one recipe, with the engines, encoder and index it was given.

    ``unwanted`` are texts whose similarity is subtracted from every score; ``words`` are all that
    the models know, none where that cannot be said; ``reads`` is what language the encoder reads;
    ``barred`` are rows that no query may find; ``keeps``: what references look like is remembered;
    ``searcher`` is a name of ``likebut.indexes.searchers``.
    """

    recipe: Recipe
    profile: str
    captioner: CachedEngine
    reasoner: CachedEngine
    encoder: CachedEncoder
    captioner_sampling: Sampling = Sampling()
    reasoner_sampling: Sampling = Sampling()
    reasoner_sees: bool = False
    judge: CachedEngine | None = None
    judge_sees: bool = False
    words: frozenset[str] = frozenset()
    reads: Reads = Reads()
    index: Gallery | None = None
    searcher: str = "approximate"
    unwanted: tuple[str, ...] = ()
    barred: NDArray[Any] | None = None
    keeps: bool = True

    def on(self, folder: Path) -> Composer:
        """The composer with the index in ``folder``, or a gallery at an address of Milvus.

        Raises what Index.open raises, and ConfigError where the recipe scores captions or parts of
        pictures that the gallery does not have.
        """
        from ...indexes.milvus.address import is_address
        from ...indexes.store import Index

        if is_address(folder):
            return self._elsewhere(folder)
        opened = Index.open_both if self.recipe.needs_captions else Index.open
        index = opened(folder, self.encoder.fingerprint)
        self._check_encoder(index)
        check_sides(index, self.recipe, self.profile)
        if self.recipe.needs_captions and index.caption_side:
            self.reads.check_captions(index.caption_side.manifest.source, folder)
        check_regions(index, self.recipe)
        tell_mapped(index)
        return replace(self, index=index)

    def _elsewhere(self, place: Path) -> Composer:
        """The composer on a gallery in Milvus."""
        from ...indexes.milvus.gallery import open_remote

        gallery = open_remote(place, self.encoder.fingerprint)
        self._check_encoder(gallery)
        check_elsewhere(gallery, self.recipe, self.profile)
        return replace(self, index=gallery, searcher="milvus")

    def _check_encoder(self, gallery: Gallery) -> None:
        """Raises where the encoder is not the gallery's, or cannot do what the recipe wants of it."""
        check_preprocessing(gallery, self.encoder.preprocessing)
        if "composed" in self.recipe.roles:
            check_composes(self.encoder)

    @property
    def gallery(self) -> Gallery:
        """The index. Raises ConfigError where there is none."""
        if self.index is None:
            raise ConfigError("the composer has no index", "open one with .on(folder)")
        return self.index

    def ask(
        self,
        picture: Query | Path | str | Image | None = None,
        sentence: str = "",
        k: int = 10,
        **given: Any,
    ) -> Trace:
        """The answer to one query: its ``k`` best hits, and all that led to them.

        ``picture`` is a file, a Pillow picture, None for a query by a sentence alone, or a Query. No
        model is asked for what is ``given``: caption, target_caption, or a list as desired, preserved,
        forbidden. A query that cannot be answered has an ``error``. Raises as `compose` does, and
        ConfigError for what cannot be given.
        """
        query = picture if isinstance(picture, Query) else query_of(picture, sentence)
        if not given:
            return self.compose([query], k)[0]

        def understand(query: Query) -> Trace:
            return self.compose([query], until="reason")[0]

        return self.compose([resumed_with(self.recipe, query, given, understand)], k)[0]

    def start(self, picture: Path | str | Image | None = None, k: int = 20) -> Session:
        """A dialogue that begins with a picture, or with nothing and a first sentence; see `Session`."""
        from .conversation import Session

        return Session.begun(self, picture, k)

    def again(self, trace: Trace, k: int = 10, **changes: Any) -> Trace:
        """The answer to the query of a trace once more, with these parts of what was understood changed.

        A changed target caption or list is used as it stands; where the caption alone is changed, the
        reasoner is asked about it. Without changes nothing is asked. Raises as `ask` does.
        """
        return self.compose(
            [resumed(trace, Understood.of(trace, self.recipe.elements).changed(changes))], k
        )[0]

    def stages(self, until: Until = "rerank", k: int = 10) -> tuple[Stage, ...]:
        """The stages up to ``until``, the last of which finds the ``k`` best.

        Raises ConfigError without an index, which describe and reason do not need.
        """
        recipe, encoder, looks = self.recipe, self.encoder, self.reasoner_sees
        describe = (
            Describe(recipe, self.captioner, self.captioner_sampling, looks, self.reads.language)
            if recipe.describe is None or recipe.describe.asks
            else Tags(recipe, lambda: self.gallery, encoder, self.seen, looks)
        )
        understand = (describe, self._reason(recipe))
        unread = None if recipe.reason else self.reads
        first = Check(self.words, self.profile, Glances(encoder.cache, self.keeps), self.unwanted, unread)
        stages: list[Stage] = [first, Earlier(understand), *understand]
        if until in ("ground", "search", "rerank"):
            judges, refine = (recipe.rerank, recipe.refine) if until == "rerank" else ([], None)
            kept = max(k, refine.look if refine else 0)
            depth = max(kept, *(stage.top for stage in judges), 0)
            marked, reads, composed = self._marked, self.reads, self.composed
            looked = (self.seen, self.parts_seen)
            stages.append(Ground(recipe, encoder, *looked, self.unwanted, marked, reads, composed))
            stages.append(Search(recipe, self.gallery, depth, make_searcher(self.searcher), self.barred))
            deep = [depth] * (len(judges) - 1) + [kept]
            stages += [self._rerank(n, k) for n, k in zip(range(len(judges)), deep, strict=False)]
            if refine:
                again = (self._reason(recipe.refined), *stages[4:])
                judge = self.judge or self.reasoner
                stages.append(Refine(recipe, refine, judge, self.showing, again, k))
        names = [stage.name for stage in stages]
        return tuple(stages[: names.index(until) + 1] if until in names[:5] else stages)

    def _reason(self, recipe: Recipe) -> Reason:
        reasoner, encoder = self.reasoner, self.encoder
        return Reason(recipe, reasoner, self.reasoner_sampling, encoder, self.seen, self.reasoner_sees)

    def _marked(self, query: Query) -> Marked:
        return feedback(query, self.recipe, self.gallery)

    def _rerank(self, number: int, k: int) -> Rerank:
        judge = self.judge or self.reasoner
        return Rerank(self.recipe, number, judge, self.judge_sees, self.showing, k)

    @property
    def showing(self) -> Showing:
        """The gallery's pictures and captions, as judges are shown them."""
        how, language = self.recipe.describe, self.reads.language
        return Showing(how, self.gallery, self.captioner, self.captioner_sampling, language)

    def seen(self, traces: Sequence[Trace]) -> list[NDArray[Any] | None]:
        """The (d,) unit vectors of references, None where there is none."""
        return vectors_seen(traces, self.gallery, self.encoder)

    def parts_seen(self, traces: Sequence[Trace]) -> list[NDArray[Any] | None]:
        """The (R, d) unit vectors of the parts of references, None where there is none."""
        return parts_seen(traces, self.gallery, self.encoder)

    def composed(self, traces: Sequence[Trace]) -> list[NDArray[Any] | None]:
        """The (d,) unit vectors of references and sentences together, None where either is missing."""
        return composed_of(traces, self.gallery, self.encoder)

    def begun(self, queries: Sequence[Query | Trace]) -> list[Trace]:
        """Queries as traces in which nothing is done yet, and traces; all say who answers them."""
        traces = [one if isinstance(one, Trace) else Trace(one) for one in queries]
        who: dict[str, Any] = {"recipe": self.recipe.name, "profile": self.profile}
        return [replace(trace, **who, light=self.encoder.light) for trace in traces]

    def compose(
        self, queries: Sequence[Query | Trace], k: int = 10, until: Until = "rerank"
    ) -> list[Trace]:
        """A Trace per query, in order, with its ``k`` best hits; none where it ends before search.

        A trace runs on from what it holds: a stage whose part is there is passed over. Raises
        ConfigError without an index (which reason does not need), BudgetReached, and ModelError
        where a model that is needed cannot be had; a query's own faults go to its trace.
        """
        stages = self.stages(until, k)
        traces = self.begun(queries)
        for stage in stages:
            traces = run(stage, traces)
        return traces


def query_of(picture: Path | str | Image | None, sentence: str) -> Query:
    """The Query of a file or a Pillow picture, and a sentence."""
    if picture is None or isinstance(picture, str | os.PathLike):
        return Query("query", Path(picture) if picture else None, sentence.strip())
    return Query("query", picture_file(picture), sentence.strip(), named="a picture")
