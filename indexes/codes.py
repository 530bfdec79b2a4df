"""Product-quantised vectors: a vector of d numbers as M bytes, each naming one of 256 pieces.

The vector is cut into M pieces of d / M numbers, and a byte says which of the 256 typical pieces of
its place is nearest (Jégou, Douze, Schmid 2011, product quantisation). The typical pieces are the
codebook, (M, 256, d / M) float32, learnt from vectors of the same gallery.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from .errors import EXIT_USAGE, GalleryError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CENTROIDS = 256
SAMPLE = 65_536  # vectors to learn from: 256 for each piece
FEW = 39 * CENTROIDS  # below it faiss warns that its means are uncertain
_log = logging.getLogger(__name__)


def check_codes(size: int, dimension: int) -> None:
    """Raise ``GalleryError`` unless vectors of ``dimension`` can be cut into ``size`` pieces."""
    if not 1 <= size <= dimension or dimension % size:
        fitting = [number for number in range(1, dimension + 1) if dimension % number == 0]
        near = sorted(sorted(fitting, key=lambda number: abs(number - size))[:3])
        raise GalleryError(
            f"vectors of {dimension} numbers cannot be cut into {size} pieces of equal length",
            f"--region-codes {' or '.join(map(str, near))} can be done",
            EXIT_USAGE,
        )


def learn(vectors: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The codebook (size, 256, d / size) of (n, d) vectors. ``GalleryError`` for fewer than 256."""
    import faiss
    import numpy as np

    count, dimension = vectors.shape
    check_codes(size, dimension)
    if count < CENTROIDS:
        raise GalleryError(
            f"{count} vectors are too few for codes, which are learnt from {CENTROIDS} or more",
            "leave out --region-codes: so small a gallery needs none",
            EXIT_USAGE,
        )
    if count < FEW:
        _log.warning("the codes are learnt from %d vectors only; --rebuild learns them anew", count)
    quantizer = faiss.ProductQuantizer(dimension, size, 8)
    quantizer.cp.min_points_per_centroid = 1  # said above, in our words
    quantizer.train(np.ascontiguousarray(vectors, np.float32))
    pieces: NDArray[np.float32] = faiss.vector_to_array(quantizer.centroids)
    return pieces.reshape(size, CENTROIDS, dimension // size)


def encode(codebook: NDArray[np.float32], vectors: NDArray[Any]) -> NDArray[np.uint8]:
    """(n, M) codes of (n, d) vectors."""
    import numpy as np

    codes: NDArray[np.uint8] = _quantizer(codebook).compute_codes(np.ascontiguousarray(vectors, np.float32))
    return codes


def decode(codebook: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, d) vectors of (n, M) codes, of length 1."""
    import numpy as np

    vectors: NDArray[np.float32] = _quantizer(codebook).decode(np.ascontiguousarray(codes))
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    vectors /= np.maximum(lengths, np.float32(1e-12))[:, None]
    return vectors


def _quantizer(codebook: NDArray[np.float32]) -> Any:
    """A quantizer that knows these pieces."""
    import faiss
    import numpy as np

    size, _, width = codebook.shape
    quantizer = faiss.ProductQuantizer(size * width, size, 8)
    faiss.copy_array_to_vector(np.ascontiguousarray(codebook, np.float32).ravel(), quantizer.centroids)
    return quantizer
