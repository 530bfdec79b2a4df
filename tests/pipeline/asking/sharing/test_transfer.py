"""Answers handed from one cache to another: whole, checked, and all or nothing."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.sharing import files
from likebut.pipeline.asking.sharing.transfer import Imported, export_answers, import_answers
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.records.chat import Reply
from likebut.pipeline.records.keys import content_key

SCHEMA = {"type": "object", "properties": {"target_caption": {"type": "string"}}}


def question(text: str, model: str = "qwen", repeat: int = 0, **parts: Any) -> dict[str, Any]:
    return {
        "engine": "openai",
        "model": model,
        "revision": "2",
        "messages": [["system", "You help to find a picture.", []], ["user", text, ["a" * 64]]],
        "schema": SCHEMA,
        "sampling": {"max_tokens": 512, "temperature": 0.0, "seed": 0},
        "repeat": repeat,
        **parts,
    }


def put(cache: Cache, asked: dict[str, Any], text: str) -> str:
    key = content_key(**asked)
    cache.put_answer(key, asked["model"], Reply(text, 90, 12, 0.5, served="qwen-2"), asked)
    return key


def filled(path: Path, count: int = 5) -> Cache:
    cache = Cache(path)
    for number in range(count):
        put(cache, question(f"query {number}"), f"reply {number}")
    return cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return filled(tmp_path / "here.sqlite")


@pytest.fixture
def other(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "there.sqlite")


def rows(cache: Cache) -> list[Any]:
    return cache.ask(
        "SELECT key, model, reply, text, asked, made FROM answers JOIN frames ON frame = id ORDER BY 1"
    )


@pytest.mark.parametrize(
    "parts", [{"extra_body": {"top_k": 5, "more": {"a": [1]}}}, {"choices": ["Yes", "No"]}, {"held": "{}"}]
)
def test_questions_with_parts_of_their_own_travel(
    other: Cache, tmp_path: Path, parts: dict[str, Any]
) -> None:
    cache = Cache(tmp_path / "own.sqlite")
    asked = question("right?", **parts)
    reply = Reply("Yes", 9, 1, chances={"Yes": 0.75, "No": 0.25})
    cache.put_answer(content_key(**asked), "qwen", reply, asked)
    export_answers(cache, tmp_path / "a.jsonl")
    assert import_answers(other, tmp_path / "a.jsonl").new == 1
    (found,) = other.answers([content_key(**asked)]).values()
    assert found.chances == {"Yes": 0.75, "No": 0.25}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_what_is_exported_is_imported_as_it_was(
    cache: Cache, other: Cache, tmp_path: Path, name: str
) -> None:
    assert export_answers(cache, tmp_path / name).written == 5
    assert import_answers(other, tmp_path / name) == Imported(new=5, known=0, conflicts=0)
    assert rows(other) == rows(cache)
    assert import_answers(other, tmp_path / name) == Imported(new=0, known=5, conflicts=0)


_TEXT = st.text(st.characters(codec="utf-8") | st.just("\udce9"), max_size=30)
_PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(_TEXT, _TEXT, _TEXT, st.integers(0, 3), st.dictionaries(_TEXT, _PLAIN)),
        max_size=6,
        unique_by=lambda row: row[:1] + row[3:4],
    )
)
def test_any_text_survives_the_journey(
    tmp_path_factory: pytest.TempPathFactory, answers: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("journey")
    with Cache(folder / "here") as here, Cache(folder / "there") as there:
        for asked, reply, system, repeat, schema in answers:
            messages = [["system", system, []], ["user", asked, []]]
            put(here, question("", repeat=repeat, messages=messages, schema=schema), reply)
        export_answers(here, folder / "answers.gz")
        import_answers(there, folder / "answers.gz")
        assert rows(there) == rows(here)


def test_equal_caches_make_equal_files(cache: Cache, other: Cache, tmp_path: Path) -> None:
    first, second = tmp_path / "1.gz", tmp_path / "2.gz"
    export_answers(cache, first)
    import_answers(other, first)
    export_answers(other, second)
    assert first.read_bytes() == second.read_bytes()


def test_a_model_may_be_chosen(cache: Cache, other: Cache, tmp_path: Path) -> None:
    put(cache, question("a", model="llama"), "r")
    assert export_answers(cache, tmp_path / "a", ["llama"]).written == 1
    import_answers(other, tmp_path / "a")
    assert other.info()["by model"] == {"llama answers": 1}


def test_what_is_here_stays_and_a_conflict_is_counted(cache: Cache, other: Cache, tmp_path: Path) -> None:
    key = put(other, question("query 1"), "my own reply")
    put(other, question("query 2"), "reply 2")
    export_answers(cache, tmp_path / "a")
    assert import_answers(other, tmp_path / "a") == Imported(new=3, known=1, conflicts=1)
    assert other.answers([key])[key].text == "my own reply"


def test_answers_without_a_question_are_counted_and_learn_it_from_others(
    cache: Cache, other: Cache, tmp_path: Path
) -> None:
    old = content_key(**question("query 1"))
    other.put_answer(old, "qwen", Reply("reply 1"))
    assert export_answers(other, tmp_path / "none").unasked == 1
    export_answers(cache, tmp_path / "a")
    assert import_answers(other, tmp_path / "a") == Imported(new=4, known=1, conflicts=0)
    assert export_answers(other, tmp_path / "all").written == 5


def edit(path: Path, place: int, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change one line (from 0, the header) of a plain file."""
    lines = path.read_text().splitlines()
    values = json.loads(lines[place])
    change(values)
    lines[place] = json.dumps(values, sort_keys=True, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n")


def turn(place: str, letter: str) -> Callable[[dict[str, Any]], Any]:
    def change(values: dict[str, Any]) -> None:
        if place == "reply":
            values["reply"]["text"] = letter + values["reply"]["text"][1:]
        elif place == "question":
            values["question"]["messages"][1][1] = letter
        else:
            values[place] = letter

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (turn("reply", "R"), "check does not fit"),
        (turn("question", "another query"), "key is not the hash of the question"),
        (turn("key", "0" * 64), "key is not the hash"),
        (turn("key", "0"), "key: "),
        (lambda v: v.update(made=3), "check does not fit"),
        (lambda v: v.update(extra=1), "extra"),
        (lambda v: v["reply"].pop("finish"), "finish"),
        (lambda v: v["reply"].update(prompt_tokens="90"), "prompt_tokens"),
        (lambda v: v["reply"].update(seconds=-1.0), "seconds"),
        (lambda v: v["question"].update(messages=[]), "messages"),
        (lambda v: v["question"]["messages"][1].append("more"), "messages"),
        (lambda v: v["question"].update(repeat=True), "repeat"),
    ],
)
def test_a_changed_line_is_refused_by_its_number_and_nothing_is_taken(
    cache: Cache, other: Cache, tmp_path: Path, change: Callable[[Any], Any], words: str
) -> None:
    path = tmp_path / "a.jsonl"
    export_answers(cache, path)
    edit(path, 3, change)
    with pytest.raises(InputError, match=rf"a\.jsonl line 4: .*{words}") as caught:
        import_answers(other, path)
    assert "nothing was imported" in caught.value.hint
    assert rows(other) == []
    done = import_answers(other, path, keep_good=True)
    assert (done.new, [number for number, _ in done.refused]) == (4, [4])


def test_who_changes_reply_and_check_together_is_not_found_out(
    cache: Cache, other: Cache, tmp_path: Path
) -> None:
    """What the format cannot protect from, and its documentation says so."""
    path = tmp_path / "a.jsonl"
    export_answers(cache, path)

    def forge(values: dict[str, Any]) -> None:
        values["reply"]["text"] = "forged"
        values["check"] = content_key(**{k: values[k] for k in ("key", "reply", "made")})

    edit(path, 1, forge)
    assert import_answers(other, path).new == 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut"),
        (b"hello\n", "no file of likebut answers"),
        (b"\x80\x04\x95 a pickle", "no file of likebut answers"),
        (b'{"format": "likebut answers", "version": 99}\n', "newer likebut"),
        (b'{"format": "other", "version": 1}\n', "no file of likebut answers"),
        (b'{"format": "likebut answers", "version": 1}\n', "cut: it ends after 0 answers"),
        (b'{"format": "likebut answers", "version": 1}\n{"answers": 3}\n', "3 answers were written"),
        (b'{"format": "likebut answers", "version": 1}\n[1]\n', "line 2: not a JSON object"),
        (b'{"format": "likebut answers", "version": 1}\n{"a": NaN}\n', "line 2: not a line of JSON"),
        (b'{"format": "likebut answers", "version": 1}\n' + b"[" * 99999 + b"\n", "line 2: not a line"),
        (b"\x1f\x8b damaged", "damaged"),
        (b"\x28\xb5\x2f\xfd damaged", "damaged"),
    ],
)
def test_a_file_of_another_sort_is_told_in_one_line(
    other: Cache, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        import_answers(other, path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.99])
def test_a_cut_file_is_refused_and_its_whole_lines_can_be_had(
    cache: Cache, other: Cache, tmp_path: Path, name: str, part: float
) -> None:
    path = tmp_path / name
    export_answers(cache, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(InputError, match=r"cut|damaged|not a line"):
        import_answers(other, path)
    assert rows(other) == []
    if name == "a.jsonl":
        done = import_answers(other, path, keep_good=True)
        assert done.new == {0.3: 1, 0.7: 3, 0.99: 4}[part]
        assert done.refused


def test_a_line_without_end_does_not_fill_the_memory(
    other: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 2**20)
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(b'{"format":"likebut answers","version":1}\n' + b" " * 2**23)
    with pytest.raises(InputError, match="line 2: longer than 1 MB"):
        import_answers(other, path)


def test_the_same_key_twice_is_refused(cache: Cache, other: Cache, tmp_path: Path) -> None:
    path = tmp_path / "a"
    export_answers(cache, path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[2], *lines[3:]]))
    with pytest.raises(InputError, match="line 4: an earlier line has the same key"):
        import_answers(other, path)


def test_a_file_that_is_there_is_not_written_over(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="there already"):
        export_answers(cache, path)
    assert path.read_text() == "mine"
    assert export_answers(cache, path, force=True).written == 5
    assert list(tmp_path.glob(".*")) == []


def test_a_place_where_no_file_can_be_is_named(cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        export_answers(cache, tmp_path / "no" / "a.jsonl")
    with pytest.raises(InputError, match="cannot read"):
        import_answers(cache, tmp_path / "no.jsonl")


def test_an_answer_under_a_question_that_is_not_its_own_is_not_exported(
    cache: Cache, tmp_path: Path
) -> None:
    cache.ask("UPDATE answers SET asked = replace(asked, 'query 1', 'query 7')")
    done = export_answers(cache, tmp_path / "a")
    assert (done.written, done.damaged) == (4, 1)


IMPORT = """
import sys
from pathlib import Path
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.sharing import transfer
real, count = transfer._stage_entry, 0
def told(cache, entry):
    global count
    real(cache, entry)
    count += 1
    print("staged" if count < int(sys.argv[3]) else "last", flush=True)
transfer._stage_entry = told
cache = Cache(Path(sys.argv[1]))
ask = cache.ask
def slow(statement, values=()):
    found = ask(statement, values)
    if statement.startswith("INSERT OR IGNORE INTO answers"):
        print("inserted", flush=True)
        sys.stdin.read()
    return found
cache.ask = slow
transfer.import_answers(cache, Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", ["staged", "inserted"])
def test_an_import_that_is_killed_leaves_the_cache_as_it_was(tmp_path: Path, moment: str) -> None:
    path, pack = tmp_path / "there.sqlite", tmp_path / "a.jsonl"
    with filled(tmp_path / "here.sqlite", 40) as cache:
        export_answers(cache, pack)
    with Cache(path) as there:
        mine = put(there, question("mine"), "my own")
    with subprocess.Popen(
        [sys.executable, "-c", IMPORT, path, pack, "40"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as importer:
        assert importer.stdout is not None
        assert moment in iter(lambda: importer.stdout.readline().strip(), "")
        os.kill(importer.pid, signal.SIGKILL)
    with Cache(path) as there:
        assert there.answers([mine])[mine].text == "my own"
        assert there.info()["by model"] == {"qwen answers": 1}
        assert import_answers(there, pack).new == 40
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
