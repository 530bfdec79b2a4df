"""The cache file: what goes in comes out, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.read_only import ReadOnlyCache
from likebut.pipeline.errors import InputError
from likebut.pipeline.records.chat import Reply
from likebut.pipeline.records.keys import content_key, join_question

REPLY = Reply("a red apple ☃ \udce9", 7, 3, 0.25)


def test_a_reply_comes_back_marked_as_cached(tmp_path: Path) -> None:
    with Cache(tmp_path / "new" / "c.sqlite") as cache:
        cache.put_answer("k", "m", REPLY)
        assert cache.answers(["k", "unknown"]) == {
            "k": Reply("a red apple ☃ \udce9", 7, 3, 0.25, cached=True)
        }


def test_a_vector_comes_back_with_its_bits_and_token_count(tmp_path: Path) -> None:
    vector = np.array([0.6, -0.8, 1e-20], np.float32)
    with Cache(tmp_path / "c.sqlite") as cache:
        cache.put_vector("k", "m", vector, 5)
        found, tokens = cache.vectors(["k"])["k"]
    assert found.tobytes() == vector.tobytes()
    assert tokens == 5


def test_more_keys_than_sqlite_takes_at_once_are_all_found(tmp_path: Path) -> None:
    with Cache(tmp_path / "c.sqlite") as cache:
        for number in range(1201):
            cache.put_answer(str(number), "m", Reply(str(number)))
        found = cache.answers([str(number) for number in range(1500)])
        assert cache.answers([]) == {}
    assert {key: reply.text for key, reply in found.items()} == {
        str(number): str(number) for number in range(1201)
    }


def test_the_last_value_of_a_key_and_of_a_fact_counts(tmp_path: Path) -> None:
    with Cache(tmp_path / "c.sqlite") as cache:
        cache.put_answer("k", "m", Reply("old"))
        cache.put_answer("k", "m", Reply("new"))
        cache.put_fact("f", {"d": 1})
        cache.put_fact("f", {"d": 512})
        assert cache.answers(["k"])["k"].text == "new"
        assert cache.fact("f") == {"d": 512}
        assert cache.fact("g") is None


def test_info_counts_by_model(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with Cache(path) as cache:
        cache.put_answer("1", "git", REPLY)
        cache.put_answer("2", "git", REPLY)
        cache.put_vector("1", "clip", np.zeros(2, np.float32))
        facts = cache.info()
    assert facts["entries"] == 3
    assert facts["by model"] == {"git answers": 2, "clip vectors": 1}
    assert facts["bytes"] > 0


def test_a_key_depends_on_every_part_and_not_on_their_order() -> None:
    key = content_key(engine="e", messages=[["user", "a", []]], schema=None, repeat=0)
    assert key == content_key(repeat=0, schema=None, messages=[["user", "a", []]], engine="e")
    assert len(key) == 64
    others = [
        content_key(engine="f", messages=[["user", "a", []]], schema=None, repeat=0),
        content_key(engine="e", messages=[["user", "b", []]], schema=None, repeat=0),
        content_key(engine="e", messages=[["user", "a", []]], schema={}, repeat=0),
        content_key(engine="e", messages=[["user", "a", []]], schema=None, repeat=1),
    ]
    assert len({key, *others}) == 5


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with Cache(path) as one, Cache(path) as other:
        one.put_answer("1", "m", Reply("one"))
        other.put_answer("2", "m", Reply("two"))
        assert set(one.answers(["1", "2"])) == set(other.answers(["1", "2"])) == {"1", "2"}


WRITER = """
import sys
from pathlib import Path
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.records.chat import Reply
cache = Cache(Path(sys.argv[1]))
number = 0
while True:
    cache.put_answer(str(number), "m", Reply("x" * 3000))
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("after", [1, 60])
def test_every_reply_put_before_a_kill_is_there_after_it(tmp_path: Path, after: int) -> None:
    path = tmp_path / "c.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(after)]
        os.kill(writer.pid, signal.SIGKILL)
        said += [int(line) for line in writer.stdout.read().split()]
    with Cache(path) as cache:
        assert set(cache.answers([str(number) for number in said])) == set(map(str, said))
        assert cache.info()["entries"] in (len(said), len(said) + 1)
        cache.put_answer("after", "m", REPLY)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    path.write_text("these are my notes, not a cache " * 40)
    with pytest.raises(InputError, match=r"c\.sqlite") as caught:
        Cache(path)
    assert "--cache" in caught.value.hint
    assert path.read_text().startswith("these are my notes")


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot use the cache"):
        Cache(tmp_path / "file" / "c.sqlite")


def test_a_cache_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(InputError, match="newer likebut"):
        Cache(path)


def old_cache(path: Path, version: int) -> None:
    """A cache as likebut wrote it in formats 1 and 2."""
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE answers (key TEXT PRIMARY KEY, model TEXT, reply TEXT) WITHOUT ROWID;"
            f"PRAGMA user_version={version};"
        )
        database.execute("""INSERT INTO answers VALUES ('k', 'm', '{"text": "old"}')""")
    database.close()


QUESTION = {"messages": [["user", "a", []]], "repeat": 1, "engine": "e"}


@pytest.mark.parametrize("version", [0, 1, 2])
def test_answers_of_older_formats_stay_and_learn_their_question_when_asked_again(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "c.sqlite"
    old_cache(path, version)
    for _ in range(2):
        with Cache(path) as cache:
            assert cache.answers(["k"])["k"].text == "old"
            cache.learn_questions({"k": QUESTION, "unknown": QUESTION})
            (row,) = cache.ask("SELECT text, asked FROM answers JOIN frames ON frame = id")
            assert join_question(*row) == QUESTION


def test_two_processes_may_bring_an_old_cache_to_this_format_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    old_cache(path, 2)
    code = "import sys, pathlib, likebut.pipeline.asking.cache as c; c.Cache(pathlib.Path(sys.argv[1]))"
    both = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [process.wait() for process in both] == [0, 0, 0]
    with Cache(path) as cache:
        assert cache.answers(["k"])["k"].text == "old"


def test_what_questions_share_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with Cache(path) as cache:
        empty = path.stat().st_size
        for number in range(1000):
            messages = [["system", "s" * 3000, []], ["user", f"Caption {number}", []]]
            cache.put_answer(str(number), "m", REPLY, {**QUESTION, "messages": messages})
        assert cache.ask("SELECT COUNT(*) FROM frames") == [(1,)]
    assert path.stat().st_size - empty < 1000 * 400  # as text, the questions alone are 3 MB


def test_typical_numbers_are_the_means_of_a_models_answers(tmp_path: Path) -> None:
    with Cache(tmp_path / "c.sqlite") as cache:
        for number, tokens in enumerate((10, 20)):
            cache.put_answer(str(number), "m", Reply("x", 1, tokens, 0.5 * tokens))
        cache.put_answer("other", "n", Reply("x", 1, 99, 9.0))
        assert cache.typical("m") == (15.0, 7.5)
        assert cache.typical("nobody") is None


def _files(folder: Path) -> dict[str, bytes]:
    """-shm is memory that is shared by those who have the cache open; it holds no content."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith("-shm")}


@pytest.mark.parametrize("still_open", [False, True])
def test_a_cache_that_is_only_looked_at_stays_as_it_is(tmp_path: Path, still_open: bool) -> None:
    writer = Cache(tmp_path / "c.sqlite")
    writer.put_answer("k", "m", REPLY)
    if not still_open:
        writer.close()
    before = _files(tmp_path)
    with ReadOnlyCache(tmp_path / "c.sqlite") as cache:
        assert cache.answers(["k"])["k"].text == REPLY.text
        cache.put_answer("new", "m", REPLY)
        cache.put_fact("f", {"a": 1})
        assert cache.answers(["new"]) == {}
        assert _files(tmp_path) == before
    assert _files(tmp_path) == before
    writer.close()


@pytest.mark.parametrize("empty", [False, True])
def test_looking_at_a_cache_that_is_not_there_finds_and_makes_nothing(tmp_path: Path, empty: bool) -> None:
    path = tmp_path / "deep" / "c.sqlite"
    if empty:
        path.parent.mkdir()
        path.write_bytes(b"")
    with ReadOnlyCache(path) as cache:
        assert cache.answers(["k"]) == {}
        assert cache.fact("k") is None
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.sqlite*")) == 0
    assert path.exists() is empty


def test_looking_at_a_newer_or_damaged_cache_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(InputError, match="newer likebut"):
        ReadOnlyCache(path)
    path.write_text("these are my notes " * 99)
    with pytest.raises(InputError, match="cannot use the cache"):
        ReadOnlyCache(path)
