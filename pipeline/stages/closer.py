"""The best hits looked at part by part: grains of regions, held against the vectors of parts of pictures.

Only a pool of the gallery's best is looked at, so that the cost does not grow with the gallery. With
z-scores a grain counts in units of its spread over the pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...indexes.parts import PATCHES
from ..config.parts import Fusion, RegionScore
from ..errors import ConfigError
from ..records.trace import Grain
from ..scoring import late
from ..scoring.contract import REGION_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...indexes.contract import Box, Gallery, Regions


class Looked(NamedTuple):
    """What region grains say of ``rows``, which ascend: ``parts`` (n,) of the score, ``places`` (n,) of the
    parts of pictures that were met best, both by the name of the grain.
    """

    rows: NDArray[Any]
    parts: Mapping[str, NDArray[Any]]
    places: Mapping[str, NDArray[Any]]

    def total(self, rows: NDArray[Any]) -> NDArray[Any]:
        """(n,) what the parts add to these rows, which were looked at."""
        import numpy as np

        total = np.zeros(len(rows))
        for values in self.parts_of(rows).values():
            total += values
        return total

    def parts_of(self, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """(n,) every part of these rows."""
        import numpy as np

        at = np.searchsorted(self.rows, rows)
        return {name: values[at] for name, values in self.parts.items()}

    def places_of(self, row: int) -> dict[str, int]:
        """The place of the part that each grain met best in this row; R is the whole picture."""
        import numpy as np

        at = int(np.searchsorted(self.rows, row))
        return {name: int(places[at]) for name, places in self.places.items()}


def region_grains(grains: Sequence[Grain]) -> list[Grain]:
    """The grains that are held against parts of pictures."""
    return [grain for grain in grains if grain.role.startswith(REGION_SIDE)]


def look(
    gallery: Gallery,
    grains: Sequence[Grain],
    score: RegionScore,
    fusion: Fusion,
    pool: NDArray[Any],
    others: NDArray[Any],
) -> Looked:
    """The region grains against the rows of a ``pool`` and against ``others``, which no spread counts.

    Raises ConfigError for a gallery without regions.
    """
    import numpy as np

    rows = np.union1d(pool, others).astype(np.int64)
    shown = regions_of(gallery)
    views = late.Views(shown.take(rows), gallery.take(rows))
    met = late.meet(score.form, grains, views, score.numbers)
    scores = met.scores.astype(np.float64)
    if fusion.calibration == "zscore" and len(pool):
        here = scores[:, np.searchsorted(rows, pool)]
        spread = here.std(axis=1, keepdims=True)
        scores = (scores - here.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    names = [grain.name for grain in grains]
    weights = np.array([grain.weight for grain in grains])[:, None]
    return Looked(
        rows,
        dict(zip(names, weights * scores, strict=True)),
        {
            name: places
            for name, places, grain in zip(names, met.places, grains, strict=True)
            if grain.weight > 0
        },
    )


def boxes_of(gallery: Gallery, places: Mapping[str, int], path: str) -> dict[str, Box]:
    """The parts of the picture at these places, by name, in shares of it; none for the whole picture."""
    shown = regions_of(gallery)
    boxes = {name: shown.boxes[at] for name, at in places.items() if at < len(shown.boxes)}
    if shown.kind != PATCHES or not boxes:
        return boxes
    from ...indexes.decode import size_of
    from ...indexes.seen import placed

    size = size_of(path)
    seen = gallery.identity.preprocessing
    return {name: placed(box, *size, seen) for name, box in boxes.items()} if size else {}


def regions_of(gallery: Gallery) -> Regions:
    """The gallery's regions. Raises ConfigError where it has none, IndexStale, IndexDamaged."""
    if gallery.regions is None:
        raise ConfigError(
            f"the index in {gallery.folder} has no regions",
            f"make them: likebut index build … --out {gallery.folder} --regions crops",
        )
    return gallery.regions
