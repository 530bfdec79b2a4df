"""A dialogue on disk: whole after every step, whatever ends it, and no dearer for being long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.errors import InputError
from likebut.pipeline.records.dialogue import Dialogue, Step, Turn, read
from likebut.pipeline.records.trace import Query, Trace
from likebut.pipeline.server import journal
from likebut.pipeline.server.journal import Kept, stamp_of, write_kept


def grown(dialogue: Dialogue, sentence: str) -> Dialogue:
    trace = Trace(Query("1", modification=sentence))
    return dialogue.grown(Turn(Step("but", sentence), trace, dialogue.at))


def moved(dialogue: Dialogue, sentence: str) -> Dialogue:
    """Another last turn, as a slider makes it."""
    parent = dialogue.turns[-1].parent
    return grown(Dialogue(dialogue.turns[:-1], parent), sentence)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read_kept(folder: Path) -> Kept:
    stamp = stamp_of(folder)
    assert stamp
    return journal.read_kept(folder, stamp)


def kept(folder: Path, *dialogues: Dialogue) -> Kept | None:
    last = None
    for dialogue in dialogues:
        last = write_kept(folder, dialogue, last)
    return last


ONE = grown(Dialogue(), "a cat")
TWO = grown(ONE, "at night")


def test_the_first_step_is_a_whole_file_and_the_next_a_line(tmp_path: Path) -> None:
    kept(tmp_path, ONE)
    first = files(tmp_path)
    assert list(first) == ["dialogue.json"]
    assert read(tmp_path / "dialogue.json") == ONE
    (tmp_path / "dialogue.json").unlink()
    kept(tmp_path, ONE, TWO, replace(TWO, picked="a\nb"), moved(TWO, "in snow"), TWO.gone(0))
    assert files(tmp_path)["dialogue.json"] == first["dialogue.json"]
    assert files(tmp_path)["later.jsonl"].count(b"\n") == 5  # what it belongs to, and four steps
    assert read_kept(tmp_path).dialogue == replace(moved(TWO, "in snow"), turns=TWO.turns, at=0)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.text(max_size=20)),
        st.tuples(st.just("move"), st.text(max_size=20)),
        st.tuples(st.just("go"), st.integers(0, 9)),
        st.tuples(st.just("pick"), st.text(max_size=5)),
        st.tuples(st.just("open again"), st.just("")),
    ),
    max_size=12,
)


@given(steps=steps, few=st.sampled_from([0, 600, 10**6]))
def test_whatever_is_done_another_process_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str | int]], few: int
) -> None:
    folder, dialogue = tmp_path_factory.mktemp("session"), ONE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "FEW", few)
        last = write_kept(folder, dialogue, None)
        for do, what in steps:
            if do == "say":
                dialogue = grown(dialogue, str(what))
            elif do == "move":
                dialogue = moved(dialogue, str(what))
            elif do == "go":
                dialogue = dialogue.gone(int(what) % (len(dialogue.turns) + 1) - 1)
            elif do == "pick":
                dialogue = replace(dialogue, picked=str(what))
            else:
                last = read_kept(folder)
                dialogue = last.dialogue
            last = write_kept(folder, dialogue, last)
            assert last.dialogue == dialogue
            assert read_kept(folder).dialogue == dialogue
            assert read_kept(folder).stamp == last.stamp


def test_a_line_that_is_cut_anywhere_counts_for_nothing_and_nothing_is_put_behind_it(
    tmp_path: Path,
) -> None:
    kept(tmp_path, ONE, TWO)
    before = len(files(tmp_path)["later.jsonl"])
    three = grown(TWO, "in snow")
    write_kept(tmp_path, three, read_kept(tmp_path))
    written = files(tmp_path)
    for length in range(len(written["later.jsonl"]) + 1):
        (tmp_path / "dialogue.json").write_bytes(written["dialogue.json"])
        (tmp_path / "later.jsonl").write_bytes(written["later.jsonl"][:length])
        found = read_kept(tmp_path)
        assert found.dialogue == (
            three if length == len(written["later.jsonl"]) else TWO if length >= before else ONE
        )
        after = grown(found.dialogue, "red")
        write_kept(tmp_path, after, found)
        assert read_kept(tmp_path).dialogue == after


def test_lines_of_an_earlier_file_count_for_nothing(tmp_path: Path) -> None:
    kept(tmp_path, ONE, TWO)
    left = files(tmp_path)["later.jsonl"]
    write_kept(tmp_path, grown(TWO, "in snow"), None)  # whole; then it was killed
    assert list(files(tmp_path)) == ["dialogue.json"]
    (tmp_path / "later.jsonl").write_bytes(left)
    assert read_kept(tmp_path).dialogue == grown(TWO, "in snow")
    write_kept(tmp_path, ONE, read_kept(tmp_path))
    assert read(tmp_path / "dialogue.json") == ONE
    assert list(files(tmp_path)) == ["dialogue.json"]


def test_a_line_is_never_put_behind_what_another_process_wrote(tmp_path: Path) -> None:
    ours = kept(tmp_path, ONE, TWO)
    theirs = grown(TWO, "in snow")
    write_kept(tmp_path, theirs, read_kept(tmp_path))
    write_kept(tmp_path, grown(TWO, "red"), ours)  # who is last is right, as with whole files
    assert read_kept(tmp_path).dialogue == grown(TWO, "red")


def test_a_file_that_somebody_took_away_is_written_whole_again(tmp_path: Path) -> None:
    last = kept(tmp_path, ONE, TWO)
    (tmp_path / "dialogue.json").unlink()
    assert stamp_of(tmp_path) is None
    write_kept(tmp_path, grown(TWO, "red"), last)
    assert read(tmp_path / "dialogue.json") == grown(TWO, "red")
    assert list(files(tmp_path)) == ["dialogue.json"]


def test_lines_never_outgrow_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "FEW", 5000)
    dialogue, last, sizes = Dialogue(), None, []
    for number in range(100):
        dialogue = grown(dialogue, f"sentence {number:03d}")
        before = last.stamp[1] if last else 0
        last = write_kept(tmp_path, dialogue, last)
        assert last.stamp[1] <= max(5000, last.size)
        sizes.append(last.stamp[1] - before)
    lines = [size for size in sizes[20:] if size > 0]
    assert len(lines) > 70  # a whole file is seldom written
    assert max(lines) < 1.5 * min(lines)  # and a line costs what the first did


def test_a_full_disk_leaves_the_step_before(tmp_path: Path) -> None:
    import resource

    last = kept(tmp_path, ONE, TWO)
    before = read_kept(tmp_path).dialogue
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(files(tmp_path)["later.jsonl"]) + 40, hard))
    try:
        with pytest.raises(OSError, match="large"):
            write_kept(tmp_path, grown(TWO, "x" * 9000), last)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_kept(tmp_path).dialogue == before
    assert sorted(files(tmp_path)) == ["dialogue.json", "later.jsonl"]


@pytest.mark.parametrize("later", ["[]", '{"stay": 0}', '{"stay": 0, "at": 5, "picked": "", "turns": []}'])
def test_lines_that_say_nothing_are_a_damaged_session(tmp_path: Path, later: str) -> None:
    last = kept(tmp_path, ONE, TWO)
    assert last
    (tmp_path / "later.jsonl").write_text(f'{{"of": "{last.hashed}"}}\n{later}\n')
    with pytest.raises(InputError, match="no dialogue"):
        read_kept(tmp_path)
