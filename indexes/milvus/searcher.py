"""The searcher of a gallery in Milvus: one search a query, however many grains and sides.

The server finds candidates by float32 products: the k best and some more. Their vectors come with them
and are scored again in float64, and equal scores go by id, as over a local index, whose rows ascend by id.
Where the last candidate could still be as good as the k-th best, more are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from ..contract import Asked, Found
from ..errors import EXIT_USAGE, GalleryError
from .filters import without
from .gallery import FOUND, MOST, Remote
from .side import RemoteSide
from .table import VECTOR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MORE = 16  # candidates beyond k
CLOSE = 2e-5  # of a query's length: how far a float32 product may be off
BYTES = 32 << 20  # of vectors that one answer brings


class Milvus:
    """As `contract.Searcher` says, for sides of one `Remote` gallery."""

    def search(
        self,
        asked: Sequence[Asked],
        k: int,
        exclude: Sequence[Collection[int] | NDArray[Any]] | None = None,
    ) -> Found:
        """The ``k`` rows with the largest sum; queries that exclude the same rows are one request.

        Raises GalleryError for what Milvus refuses, ValueError when the shapes do not fit.
        """
        import numpy as np

        gallery, queries = _joined(asked)
        if exclude is not None and len(exclude) != len(queries):
            raise ValueError(f"{len(queries)} queries, but {len(exclude)} sets to exclude")
        if k > MOST - MORE:
            raise GalleryError(f"Milvus gives at most {MOST - MORE} hits, not {k}", "", EXIT_USAGE)
        rows = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        alike: dict[tuple[int, ...], list[int]] = {}
        for n in range(len(queries) if k else 0):
            barred = tuple(sorted(int(row) for row in exclude[n])) if exclude is not None else ()
            alike.setdefault(barred, []).append(n)
        for barred, members in alike.items():
            for n, found in _best(gallery, queries, members, k, without(barred, gallery.only)):
                rows[n, : len(found)] = [row for row, _ in found]
                scores[n, : len(found)] = [score for _, score in found]
        return Found(rows, scores)


Best = list[tuple[int, float]]


def _joined(asked: Sequence[Asked]) -> tuple[Remote, NDArray[np.float32]]:
    """The gallery, and (q, D) queries of all sides, one after the other; zeros where none is asked."""
    import numpy as np

    sides: list[Any] = [one.side for one in asked]
    gallery: Remote = getattr(sides[0], "gallery", sides[0])
    queries = [np.atleast_2d(np.asarray(one.queries, np.float32)) for one in asked]
    joined = np.zeros((len(queries[0]), gallery.about.width), np.float32)
    for side, vectors in zip(sides, queries, strict=True):
        start = side.start if isinstance(side, RemoteSide) else 0
        joined[:, start : start + gallery.dimension] = vectors
    return gallery, joined


def _best(
    gallery: Remote, queries: NDArray[np.float32], members: Sequence[int], k: int, expression: str
) -> list[tuple[int, Best]]:
    """The best rows of each of these queries, which have the same expression."""
    found: list[tuple[int, Best]] = []
    limit = min(k + MORE, MOST)
    step = max(1, BYTES // (4 * gallery.about.width * limit))
    for at in range(0, len(members), step):
        part = list(members[at : at + step])
        while part:
            answers = _asked(gallery, queries[part], limit, expression)
            open_: list[int] = []
            for n, hits in zip(part, answers, strict=True):
                best, sure = _ranked(gallery, queries[n], hits, k, limit)
                if sure or limit >= MOST:
                    found.append((n, best))
                else:
                    open_.append(n)
            part, limit = open_, min(4 * limit, MOST)
        limit = min(k + MORE, MOST)
    return found


def _asked(
    gallery: Remote, queries: NDArray[np.float32], limit: int, expression: str
) -> list[list[dict[str, Any]]]:
    """What the server finds: for each query its hits, best first, with items and vectors."""
    address = gallery.server.address
    answers = gallery.server.ask(
        "search",
        collection_name=address.collection,
        partition_names=[address.gallery],
        data=list(queries),
        anns_field=VECTOR,
        limit=limit,
        filter=expression,
        output_fields=FOUND,
        search_params={"metric_type": "IP"},
        consistency_level=address.consistency,
    )
    return [[{"distance": hit["distance"], **hit["entity"]} for hit in hits] for hits in answers]


def _ranked(
    gallery: Remote, query: NDArray[np.float32], hits: list[dict[str, Any]], k: int, limit: int
) -> tuple[Best, bool]:
    """The k best of the hits by exact scores, and whether no row beyond them can be among these."""
    import numpy as np

    if not hits:
        return [], True
    kept = gallery.keep(hits)
    vectors = np.stack([kept[hit["row"]][1] for hit in hits]).astype(np.float64)
    d, wide = gallery.dimension, query.astype(np.float64)
    total = np.zeros(len(hits))
    for start in range(0, len(wide), d):  # side by side, as the local searcher adds them
        total += np.einsum("nd,d->n", vectors[:, start : start + d], wide[start : start + d])
    scores = total.astype(np.float32)
    order = sorted(range(len(hits)), key=lambda at: (-scores[at], hits[at]["id"]))
    best = [(int(hits[at]["row"]), float(scores[at])) for at in order[:k]]
    if len(hits) < limit:
        return best, True
    near = CLOSE * float(np.linalg.norm(wide)) * len(gallery.about.sides)
    return best, min(hit["distance"] for hit in hits) < best[-1][1] - near
