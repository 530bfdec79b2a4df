"""BLAS on one core while threads of ours multiply, and then as it was.

In a process of its own: of a process's threads the first that said how many cores decides.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="no BLAS there that is told")

START = """
import numpy as np
from threadpoolctl import ThreadpoolController, threadpool_limits
from likebut.indexes.blas import blas_on_one_core

def cores():
    found = ThreadpoolController().select(user_api="blas").info()
    return max(one["num_threads"] for one in found)

seen = []

def watch(place, name):
    real = getattr(place, name)
    def watched(*given):
        seen.append(cores())
        return real(*given)
    setattr(place, name, watched)

threadpool_limits(3, user_api="blas")
"""

A_BLOCK = """
with blas_on_one_core():
    seen.append(cores())
seen.append(cores())
try:
    with blas_on_one_core():
        1 / 0
except ZeroDivisionError:
    seen.append(cores())
print(seen)
"""

A_SEARCH = """
from likebut.indexes import exact
watch(exact.NumpyScan, "run")
rows = np.eye(8, dtype=np.float32)
assert exact.search(rows, rows[5], 1, block_rows=2, threads=4).rows.tolist() == [[5]]
assert exact.search(rows, rows[5], 1, threads=4).rows.tolist() == [[5]]
print(seen, cores())
"""

WEIGHTS = """
from likebut.pipeline.tuning import pools
watch(pools, "sums")
one = pools.Pool(np.array([[1.0, 0.0]], np.float32), np.zeros(2, np.float32), 1, 1)
assert pools.means([one], pools.Metric("Recall@1", "Recall", 1), np.array([[1.0]])) == [1]
print(seen, cores())
"""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        pytest.param(A_BLOCK, "[1, 3, 3]", id="it ends with the block, also by an error"),
        pytest.param(
            A_SEARCH, "[1, 1, 1, 1, 3] 3", id="four threads of a search have a core each, and one all"
        ),
        pytest.param(WEIGHTS, "[1] 3", id="threads that try weights have a core each"),
    ],
)
def test_while_threads_of_ours_multiply_blas_has_one_core(what: str, told: str) -> None:
    done = subprocess.run([sys.executable, "-c", START + what], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (told, "")
