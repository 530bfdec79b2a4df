"""BLAS on one core while threads of ours multiply side by side.

Its threads wait for each other by spinning, and those of one product keep those of another waiting: two
threads of ours that tried weights on two cores took 2.5 times as long with them, and a hundred times as
long where another program used the machine, too.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def blas_on_one_core() -> AbstractContextManager[Any]:
    """Within it NumPy's products take one core each, in all threads; then as many as before.

    Of several threads of this process the first that asks decides, while it lives.
    """
    found: AbstractContextManager[Any] = _libraries().limit(limits=1)
    return found


@cache
def _libraries() -> Any:
    """The BLAS libraries of this process; NumPy's is there by now."""
    import numpy  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
