"""While threads try weights, BLAS has one core in each, and then as many as before.

In a process of its own: of the threads of a process the first that said how many decides, while it lives.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from threading import Thread
import numpy as np
from threadpoolctl import ThreadpoolController, threadpool_limits
from likebut.pipeline.tuning import pools

def cores():
    found = ThreadpoolController().select(user_api="blas").info()
    return max(one["num_threads"] for one in found)

def watched(*given):
    seen.append(cores())
    return real(*given)

def tried():
    return pools.means([one], pools.Metric("Recall@1", "Recall", 1), np.array([[1.0]]))

seen, real, pools.sums = [], pools.sums, watched
one = pools.Pool(np.array([[1.0, 0.0]], np.float32), np.zeros(2, np.float32), 1, 1)
threadpool_limits(3, user_api="blas")
assert tried() == [1]
threads = [Thread(target=tried) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(seen[0], len(seen), cores())
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="NumPy's BLAS there is not told")
def test_threads_that_try_weights_have_a_core_each_and_leave_blas_as_it_was() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1 9 3\n", "")
