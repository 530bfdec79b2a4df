"""The models' process: what is asked of it comes back, and nothing of it is left behind however it ends."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from likebut.pipeline.errors import ModelError
from likebut.pipeline.server.apart import Apart
from likebut.pipeline.server.problems import Refused
from tests.pipeline.server.tasks import Count, Fail, Sleep

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    made = Apart()
    yield made
    made.end()


def gone(*pids: int | None) -> bool:
    ends = time.monotonic() + 15
    while time.monotonic() < ends:
        if not any(pid and psutil.pid_exists(pid) and not _is_zombie(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_parts_come_in_order_in_the_thread_that_asked_and_then_the_answer(apart: Apart) -> None:
    heard: list[tuple[int, threading.Thread]] = []
    total, pid = apart.ask(Count(4), lambda part: heard.append((part, threading.current_thread())))
    assert [number for number, _ in heard] == [1, 2, 3, 4]
    assert {thread for _, thread in heard} == {threading.current_thread()}
    assert total == 10
    assert pid == apart.pid != os.getpid()


def test_many_threads_get_each_their_own(apart: Apart) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda to: apart.ask(Count(to))[0], range(40)))
    assert found == [to * (to + 1) // 2 for to in range(40)]


def test_errors_keep_their_words_and_exit_code_and_bugs_say_where_they_were(apart: Apart) -> None:
    with pytest.raises(ModelError, match="the model is not here") as told:
        apart.ask(Fail("model"))
    assert (told.value.hint, told.value.exit_code) == ("fetch it", 4)
    with pytest.raises(KeyError, match="a bug") as bug:
        apart.ask(Fail("bug"))
    assert "tasks.py" in bug.value.__notes__[0]
    with pytest.raises(RuntimeError, match="is no picture"):  # it cannot be made anew from its words
        apart.ask(Fail("picture"))


def test_what_is_logged_there_is_told_here(apart: Apart) -> None:
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    ear, log = Ear(), logging.getLogger("likebut.pipeline.somewhere")
    log.addHandler(ear)
    try:
        apart.ask(Fail("log"))
    finally:
        log.removeHandler(ear)
    assert heard == ["told by another process"]


def test_what_hearing_raises_is_raised_and_the_task_ends_at_its_next_part(
    apart: Apart, tmp_path: Path
) -> None:
    def hear(part: Any) -> None:
        raise Refused(499, "nobody waits")

    with pytest.raises(Refused, match="nobody waits"):
        apart.ask(Count(50, tmp_path / "at", 0.2), hear)
    time.sleep(1.0)
    assert int((tmp_path / "at").read_text()) <= 3
    assert apart.ask(Count(1))[0] == 1


def test_a_process_that_dies_is_one_error_for_those_who_wait_and_the_next_has_a_new_one(
    apart: Apart,
) -> None:
    pids: list[tuple[int, int]] = []
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(apart.ask, Sleep(), pids.append) for _ in range(2)]
        while len(pids) < 2:
            time.sleep(0.01)
        os.kill(pids[0][0], signal.SIGKILL)
        for one in waiting:
            with pytest.raises(ModelError, match="the process of the models was killed by SIGKILL"):
                one.result(20)
    assert gone(*(started for _, started in pids))  # and with it what it had started
    total, pid = apart.ask(Count(3))
    assert total == 6
    assert pid != pids[0][0]


def test_the_end_ends_all_and_nothing_is_asked_any_more() -> None:
    apart, pids = Apart(), []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(apart.ask, Sleep(), pids.append)
        while not pids:
            time.sleep(0.01)
        apart.end()
        with pytest.raises(ModelError):
            waiting.result(20)
    assert gone(*pids[0])
    with pytest.raises(Refused, match="ending"):
        apart.ask(Count(1))


PROGRAM = """
import sys
from likebut.pipeline.server.apart import Apart
from tests.pipeline.server.tasks import Sleep
Apart().ask(Sleep(), lambda pids: print(*pids, flush=True))
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_program_that_started_it_whatever_ends_that(ending: signal.Signals) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert program.stdout
    pids = [int(word) for word in program.stdout.readline().split()]
    assert len(pids) == 2
    assert not gone_now(*pids)
    os.killpg(program.pid, ending)  # as a terminal does with Ctrl-C
    _, told = program.communicate(timeout=30)
    assert gone(*pids)
    assert told.count("Traceback") == (1 if ending == signal.SIGINT else 0)  # its own


def gone_now(*pids: int) -> bool:
    return not all(psutil.pid_exists(pid) for pid in pids)
