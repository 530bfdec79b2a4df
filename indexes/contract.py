"""What an index asks of the encoder that is handed in. No model code, no imports at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class ImageEncoder(Protocol):
    """The image side of a dual encoder, split where threads end and the device begins.

    ``name``, ``fingerprint`` (of the weights) and ``preprocessing`` say which vectors may be
    compared. ``dimension`` is d. ``draft_size`` is the smallest short side, in pixels, that the
    preprocessing wants to start from; large JPEGs may be decoded down to no less.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def preprocessing(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def draft_size(self) -> int: ...

    def prepare(self, image: Image) -> NDArray[Any]:
        """An RGB picture of any size and shape as a fixed-shape array. Called in threads."""
        ...

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows for ``n`` prepared pictures, in order."""
        ...
