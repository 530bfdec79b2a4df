"""Which hits of a ranking are shown: a page of it, without near-duplicates, none below a score."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..records.trace import Hit, Ranking, Trace
from .folding import DEEPER, fold

if TYPE_CHECKING:
    from ...indexes.contract import Gallery


@dataclass(frozen=True)
class Picking:
    """The hits ``skip`` + 1 to ``skip`` + ``k``, without those that score below ``min_score``.

    With ``fold``, a cosine, near-duplicates are folded first. Raises ConfigError for a score that is
    no finite number, and for a cosine that nothing or everything reaches.
    """

    k: int
    skip: int = 0
    min_score: float | None = None
    fold: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no score can be compared with."""
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise ConfigError(
                f"--min-score {self.min_score} is no finite number", "for example --min-score 0.2"
            )
        if self.fold is not None and not 0 < self.fold <= 1:
            raise ConfigError(
                f"--fold {self.fold} is no cosine above 0, and 1 at most", "for example --fold 0.97"
            )

    @property
    def depth(self) -> int:
        """How many hits have to be searched; a page may be shorter where most of them are folded."""
        return self._last * (1 if self.fold is None else DEEPER)

    @property
    def _last(self) -> int:
        return self.skip + self.k

    def folded(self, trace: Trace, index: Gallery) -> Trace:
        """The trace with near-duplicates folded, where that is asked for."""
        if self.fold is None:
            return trace
        return replace(trace, ranking=fold(trace.ranking, index, self.fold))

    def pick(self, trace: Trace) -> Trace:
        """The trace with the hits that are shown; they keep their ranks."""
        hits = tuple(hit for hit in self._page(trace) if not self._is_below(hit.score))
        return replace(trace, ranking=Ranking(hits))

    def below(self, trace: Trace) -> int:
        """How many hits of the page of an unpicked trace score below ``min_score``."""
        return sum(self._is_below(hit.score) for hit in self._page(trace))

    def _page(self, trace: Trace) -> tuple[Hit, ...]:
        return trace.ranking.hits[self.skip : self._last]

    def _is_below(self, score: float) -> bool:
        return self.min_score is not None and score < self.min_score
