"""Which hits of a ranking are shown: a page of it, and none below a score."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pipeline.errors import ConfigError
from pipeline.records import Hit, Ranking, Trace


@dataclass(frozen=True)
class Picking:
    """The hits ``skip`` + 1 to ``skip`` + ``k``, without those that score below ``min_score``.

    Raises ConfigError for a score that is no finite number.
    """

    k: int
    skip: int = 0
    min_score: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no score can be compared with."""
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise ConfigError(
                f"--min-score {self.min_score} is no finite number", "for example --min-score 0.2"
            )

    @property
    def depth(self) -> int:
        """How many hits have to be searched."""
        return self.skip + self.k

    def pick(self, trace: Trace) -> Trace:
        """The trace with the hits that are shown; they keep their ranks."""
        hits = tuple(hit for hit in self._page(trace) if not self._is_below(hit.score))
        return replace(trace, ranking=Ranking(hits))

    def below(self, trace: Trace) -> int:
        """How many hits of the page of an unpicked trace score below ``min_score``."""
        return sum(self._is_below(hit.score) for hit in self._page(trace))

    def _page(self, trace: Trace) -> tuple[Hit, ...]:
        return trace.ranking.hits[self.skip : self.depth]

    def _is_below(self, score: float) -> bool:
        return self.min_score is not None and score < self.min_score
