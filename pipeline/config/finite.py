"""The one number type of weights: finite, and small enough that a sum of them stays so.

NaN and infinity compare with nothing, and a weight of 1e308 makes one of every score. Each is the
end of a ranking that looks like one.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

LARGEST = 1e6
# Of a file or of the command line alike; in a file, `true` and "1" are no numbers.
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]
_ADAPTER: TypeAdapter[float] = TypeAdapter(Finite)


def finite(text: str) -> float:
    """The number that a text says. Raises ValueError: no number, not finite, or beyond LARGEST."""
    try:
        return _ADAPTER.validate_python(float(text))
    except ValidationError as problem:
        raise ValueError(f"not between {-LARGEST:,.0f} and {LARGEST:,.0f}") from problem
