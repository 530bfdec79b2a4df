"""A cache under all that may befall a file: others in it, no rights, no room, damage, odd drives."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.cachefile import opening, store
from likebut.pipeline.asking.cachefile.journals import on_network
from likebut.pipeline.asking.read_only import ReadOnlyCache
from likebut.pipeline.errors import BusyError, InputError
from likebut.pipeline.records.chat import Reply
from tests.rights import read_only

QUESTION = {"messages": [["user", "a", []]], "repeat": 1, "engine": "e"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for other processes are short."""
    for module in (opening, store):
        monkeypatch.setattr(module, "WAIT", 0.3)
        monkeypatch.setattr(module, "SHORT_WAIT", 0.05)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cache in a folder of its own that holds the answer "old" under the key k."""
    place = tmp_path / "folder" / "c.sqlite"
    with Cache(place) as cache:
        cache.put_answer("k", "m", Reply("old"), QUESTION)
    return place


@pytest.fixture
def notices(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What was told, none of which may tell anybody to delete anything."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("likebut.pipeline.asking.cache").addHandler(handler)
    yield told
    logging.getLogger("likebut.pipeline.asking.cache").removeHandler(handler)
    assert not any("delete" in line for line in told)


def texts(path: Path, *keys: str) -> list[str]:
    with Cache(path) as cache:
        return [reply.text for reply in cache.answers(keys).values()]


def test_eight_threads_use_one_cache(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite")

    def work(number: int) -> None:
        for at in range(20):
            key = f"{number}-{at}"
            cache.put_answer(key, "m", Reply(key), {**QUESTION, "repeat": at})
            cache.put_vector(key, "m", np.ones(3, np.float32), at)
            cache.put_fact(key, {"at": at})
            assert cache.answers([key])[key].text == key
            assert cache.fact(key) == {"at": at}
            with cache.transaction():
                cache.ask("UPDATE answers SET made = made WHERE key = ?", (key,))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    cache.close()
    keys = [f"{number}-{at}" for number in range(8) for at in range(20)]
    assert sorted(texts(tmp_path / "c.sqlite", *keys)) == sorted(keys)


def test_processes_that_make_one_cache_at_once_all_use_it(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, likebut.pipeline.asking.cache as c, likebut.pipeline.records.chat as r\n"
        "with c.Cache(pathlib.Path(sys.argv[1])) as cache:\n"
        "    for at in range(10): cache.put_answer(f'{sys.argv[2]}-{at}', 'm', r.Reply('x'))"
    )
    place = tmp_path / "new" / "c.sqlite"
    several = [
        subprocess.Popen([sys.executable, "-c", code, str(place), str(number)], stderr=-1, text=True)
        for number in range(6)
    ]
    assert [process.communicate()[1] for process in several] == [""] * 6
    with Cache(place) as cache:
        assert cache.info()["entries"] == 60


@pytest.mark.parametrize("log_left", [False, True])
def test_a_cache_that_may_only_be_read_is_read_and_that_is_said_once(
    path: Path, notices: list[str], log_left: bool
) -> None:
    writer = Cache(path)
    writer.put_answer("k2", "m", Reply("in the log"))
    if not log_left:
        writer.close()
    before = path.read_bytes()
    with read_only(path.parent):
        cache = Cache(path)
        assert cache.answers(["k"])["k"].text == "old"
        assert notices == []
        cache.put_answer("new", "m", Reply("paid"), QUESTION)
        cache.put_vector("v", "m", np.ones(2, np.float32))
        cache.learn_questions({"k": QUESTION})
        assert cache.answers(["new"])["new"].text == "paid"
        assert list(cache.vectors(["v"])) == ["v"]
        with pytest.raises(InputError, match="may only be read"), cache.transaction():
            pass
        cache.close()
    assert notices == [f"the cache {path} may only be read: new answers are used without being kept"]
    assert path.read_bytes() == before
    writer.close()


def test_a_folder_where_no_cache_can_be_made_stops_nothing(tmp_path: Path, notices: list[str]) -> None:
    (tmp_path / "folder").mkdir()
    with read_only(tmp_path / "folder"):
        for place in ("c.sqlite", "deep/c.sqlite"):
            with Cache(tmp_path / "folder" / place) as cache:
                cache.put_answer("k", "m", Reply("paid"))
                assert cache.answers(["k"])["k"].text == "paid"
    assert len(notices) == 2


def held(path: Path, how: str) -> sqlite3.Connection:
    """Another process's hold of the file: of all of it, or of writing."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if how == "EXCLUSIVE":
        other.execute("PRAGMA journal_mode=DELETE")
    other.execute(f"BEGIN {how}")
    return other


@pytest.mark.parametrize("how", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_cache_that_another_process_holds_is_read_and_written_when_it_is_free(
    path: Path, notices: list[str], how: str
) -> None:
    other = held(path, how)
    cache = Cache(path)
    assert cache.answers(["k"])["k"].text == "old"
    cache.put_answer("new", "m", Reply("paid"), QUESTION)
    cache.put_answer("newer", "m", Reply("too"), QUESTION)
    assert cache.answers(["new"])["new"].text == "paid"
    with pytest.raises(BusyError) as caught, cache.transaction():
        pass
    assert caught.value.exit_code == 7
    other.execute("ROLLBACK")
    other.close()
    cache.put_answer("last", "m", Reply("third"), QUESTION)
    cache.close()
    assert len(notices) == 1
    assert "is held by another process: new answers are used" in notices[0]
    assert sorted(texts(path, "new", "newer", "last", "k")) == ["old", "paid", "third", "too"]


def test_a_reader_that_is_shut_out_later_reads_what_is_on_disk(path: Path, notices: list[str]) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
    cache = Cache(path)
    cache._db.execute("PRAGMA journal_mode=DELETE")
    other = held(path, "EXCLUSIVE")
    assert cache.answers(["k"])["k"].text == "old"
    other.execute("ROLLBACK")
    other.close()
    cache.put_answer("new", "m", Reply("kept"))
    cache.close()
    assert texts(path, "new") == ["kept"]


def test_what_never_could_be_kept_is_counted_at_the_end(path: Path, notices: list[str]) -> None:
    other = held(path, "IMMEDIATE")
    with Cache(path) as cache:
        cache.put_answer("new", "m", Reply("paid"))
    assert notices[-1] == f"1 new answers are not kept in the cache {path}"
    other.close()


def test_on_a_full_disk_answers_are_used_and_kept_when_there_is_room(
    path: Path, notices: list[str]
) -> None:
    cache = Cache(path)
    (pages,) = cache._db.execute("PRAGMA page_count").fetchone()
    cache._db.execute(f"PRAGMA max_page_count={pages}")
    cache.put_answer("big", "m", Reply("x" * 50_000))
    assert cache.answers(["big"])["big"].text == "x" * 50_000
    assert notices == [
        f"the cache {path} lies on a full disk: new answers are used without being kept, "
        "and kept as soon as that is possible"
    ]
    cache._db.execute("PRAGMA max_page_count=100000")
    cache.close()
    assert texts(path, "big") == ["x" * 50_000]


def test_a_disk_that_refuses_is_no_reason_to_lose_an_answer(path: Path, notices: list[str]) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    cache = Cache(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        cache.put_answer("big", "m", Reply("x" * 50_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert cache.answers(["big"])["big"].text == "x" * 50_000
    assert "its disk says no" in notices[0]
    cache.put_answer("next", "m", Reply("y"))
    cache.close()
    assert texts(path, "big", "next") == ["x" * 50_000, "y"]


def damage(path: Path, start: int, stop: int) -> None:
    content = bytearray(path.read_bytes())
    content[start:stop] = b"\xff" * (stop - start)
    path.write_bytes(bytes(content))


def test_a_damaged_cache_is_moved_aside_and_what_is_whole_is_taken_over(
    path: Path, notices: list[str]
) -> None:
    with Cache(path) as cache:
        for number in range(400):
            question = {**QUESTION, "engine": f"e{number % 3}", "repeat": number}
            cache.put_answer(f"{number:03d}", "m", Reply(f"{number}" + "x" * 500), question)
    size = path.stat().st_size
    damage(path, size // 2, size // 2 + 8192)
    broken = path.read_bytes()
    keys = [f"{number:03d}" for number in range(400)]
    with Cache(path) as cache:
        found = cache.answers(keys)
        cache.put_answer("after", "m", Reply("new"))
        asked = dict(cache.ask("SELECT key, text FROM answers JOIN frames ON frame = id"))
    assert 300 < len(found) < 400
    assert all(found[key].text.startswith(str(int(key))) for key in found)
    assert all(f'"e{int(key) % 3}"' in asked[key] for key in found)
    moved = path.with_name("c.sqlite.damaged")
    assert moved.read_bytes() == broken
    assert f"was damaged: moved to {moved}, and {len(found) + 1} answers taken over" in notices[0]
    path.write_bytes(b"\0" * 8192)  # as a power cut may leave it
    assert texts(path, "k") == []
    assert path.with_name("c.sqlite.damaged-2").read_bytes() == b"\0" * 8192
    assert moved.read_bytes() == broken


def test_of_several_that_find_a_damaged_cache_one_moves_it(path: Path, notices: list[str]) -> None:
    damage(path, 18, 4096)
    with ThreadPoolExecutor(6) as pool:
        caches = list(pool.map(Cache, [path] * 6))
    for number, cache in enumerate(caches):
        cache.put_answer(str(number), "m", Reply("x"))
        cache.close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["c.sqlite", "c.sqlite.damaged"]
    assert len(texts(path, *"012345")) == 6
    assert len(notices) == 1


def test_however_many_find_a_damaged_cache_at_once_nothing_of_theirs_is_lost(tmp_path: Path) -> None:
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that they meet everywhere
    try:
        for number in range(20):
            place = tmp_path / str(number) / "c.sqlite"
            Cache(place).close()
            damage(place, 18, 4096)
            with ThreadPoolExecutor(6) as pool:
                caches = list(pool.map(Cache, [place] * 6))
            for at, cache in enumerate(caches):
                cache.put_answer(str(at), "m", Reply("x"))
            for cache in caches:
                cache.close()
            assert len(texts(place, *"012345")) == 6
    finally:
        sys.setswitchinterval(switching)


@pytest.mark.parametrize("second", [Cache, ReadOnlyCache])
def test_a_cache_opened_twice_here_and_once_elsewhere_loses_nothing(
    path: Path, second: type[Cache]
) -> None:
    first = Cache(path)
    first.put_answer("1", "m", Reply("x"))
    with second(path):  # opening and closing it ends none of the first one's locks
        pass
    code = (
        "import sys, pathlib, likebut.pipeline.asking.cache as c, likebut.pipeline.records.chat as r\n"
        "with c.Cache(pathlib.Path(sys.argv[1])) as cache: cache.put_answer(sys.argv[2], 'm', r.Reply('x'))"
    )
    for key in "23":
        subprocess.run([sys.executable, "-c", code, str(path), key], check=True)
        first.put_answer(f"after {key}", "m", Reply("x"))
    first.close()
    assert len(texts(path, "1", "2", "3", "after 2", "after 3")) == 5


def test_a_damaged_cache_that_is_only_looked_at_is_told_and_left(path: Path) -> None:
    damage(path, 18, 4096)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is damaged"):
        ReadOnlyCache(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["c.sqlite"]


@pytest.mark.parametrize("earlier", [False, True])
def test_where_no_write_ahead_log_can_be_the_older_journal_is_used(
    path: Path, notices: list[str], earlier: bool
) -> None:
    if not earlier:
        path.unlink()
    # the memory that a log needs cannot be made
    path.with_name("c.sqlite-shm").symlink_to(path.parent / "none" / "shm")
    with Cache(path) as cache:
        cache.put_answer("new", "m", Reply("kept"))
    with Cache(path) as cache:
        assert cache.ask("PRAGMA journal_mode") == [("delete",)]
        assert len(cache.answers(["k", "new"])) == 1 + earlier
    assert notices == []


def test_drives_of_other_machines_are_known_by_their_mounts(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\nhost:/x /srv/net nfs4 rw 0 0\n//h/y /srv/net/in\\040it cifs rw 0 0\n"
        "tmpfs /srv/net/here tmpfs rw 0 0\n"
    )
    places = ("/srv/net/c", "/srv/net/in it/c", "/srv/net/here/c", "/srv/c", "/srv/network/c")
    assert [on_network(Path(place), mounts) for place in places] == [True, True, False, False, False]
    assert not on_network(Path("/x"), tmp_path / "none")


def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "places.sqlite"
    with closing(sqlite3.connect(place)) as database, database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")
    before = place.read_bytes()
    with pytest.raises(InputError, match="a database of something else"):
        Cache(place)
    assert place.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["places.sqlite"]
