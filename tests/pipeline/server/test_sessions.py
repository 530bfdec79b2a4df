"""Sessions on disk: whole or as they were, found again, moved away and not destroyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.records.dialogue import Dialogue, Step, Turn
from likebut.pipeline.records.trace import Query, Trace
from likebut.pipeline.server import sessions as module
from likebut.pipeline.server.journal import read_kept
from likebut.pipeline.server.problems import Refused
from likebut.pipeline.server.sessions import Sessions


def said(*sentences: str) -> Dialogue:
    found = Dialogue()
    for sentence in sentences:
        trace = Trace(Query("1", modification=sentence))
        found = found.grown(Turn(Step("but", sentence), trace, found.at))
    return found


def test_another_process_finds_what_was_kept(tmp_path: Path) -> None:
    store = Sessions(tmp_path)
    about = store.make("gallery", "likebut")
    store.keep(about, said("a cat", "at night"))
    other = Sessions(tmp_path)
    assert [turn.step.sentence for turn in other.dialogue(about.id).turns] == ["a cat", "at night"]
    assert (other.about(about.id).words, other.about(about.id).turns) == ("at night", 2)
    store.keep(store.about(about.id), said("a cat", "at night", "in snow"))
    assert len(other.dialogue(about.id).turns) == 3


def test_what_a_list_shows_is_written_at_once_and_when_it_was_changed_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Sessions(tmp_path)
    about = store.keep(store.make("gallery", "likebut"), said("a cat"))
    file = tmp_path / about.id / "about.json"
    before = file.read_bytes()
    moved = store.keep(about, said("a cat"))  # as many turns, the same words: a slider
    assert file.read_bytes() == before
    assert store.about(about.id).changed == moved.changed > about.changed
    assert (
        store.keep(moved, said("a cat", "at night")).turns == Sessions(tmp_path).about(about.id).turns == 2
    )
    monkeypatch.setattr(module, "SOON", 0.0)
    before = file.read_bytes()
    store.keep(store.about(about.id), said("a cat", "at night"))
    assert file.read_bytes() != before


def test_few_turns_stay_in_memory_and_the_others_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    monkeypatch.setattr(module, "KEPT_TURNS", 3)
    monkeypatch.setattr(
        module, "read_kept", lambda path, stamp: reads.append(path) or read_kept(path, stamp)
    )
    store = Sessions(tmp_path)
    first = store.keep(store.make("gallery", "likebut"), said("a cat", "at night"))
    second = store.keep(store.make("gallery", "likebut"), said("a dog", "in snow", "red"))
    assert len(store.dialogue(second.id).turns) == 3
    assert not reads
    assert [turn.step.sentence for turn in store.dialogue(first.id).turns] == ["a cat", "at night"]
    assert len(reads) == 1
    store.keep(first, said("a cat", "at night", "wet", "in a box"))  # more than all: it stays alone
    assert len(store.dialogue(first.id).turns) == 4
    assert len(reads) == 1


def test_ids_cannot_be_guessed(tmp_path: Path) -> None:
    store = Sessions(tmp_path)
    made = {store.make("gallery", "likebut").id for _ in range(50)}
    assert len(made) == 50
    assert all(len(ident) == 16 for ident in made)


NO_IDS = ("", ".", "..", "trash", "../x", "A" * 15, "A" * 16 + "\n", "AAAAAAAAAAAAAAA/")


@pytest.mark.parametrize("ident", NO_IDS)
def test_what_is_no_id_is_no_path(tmp_path: Path, ident: str) -> None:
    with pytest.raises(Refused, match="no session here"):
        Sessions(tmp_path).about(ident)


def test_a_damaged_session_is_told_and_the_others_are_listed(tmp_path: Path) -> None:
    store = Sessions(tmp_path)
    good, bad = store.make("gallery", "likebut"), store.make("gallery", "likebut")
    store.keep(bad, said("a cat"))
    (tmp_path / bad.id / "dialogue.json").write_text("{")
    with pytest.raises(InputError, match="no dialogue"):
        Sessions(tmp_path).dialogue(bad.id)
    (tmp_path / bad.id / "about.json").write_text("[]")
    assert [about.id for about in Sessions(tmp_path).all()] == [good.id]


def test_nothing_is_destroyed(tmp_path: Path) -> None:
    store = Sessions(tmp_path)
    about = store.make("gallery", "likebut")
    store.keep(about, said("a cat"))
    store.trash(about.id)
    assert len(list((tmp_path / "trash").iterdir())) == 1
    with pytest.raises(Refused):
        store.keep(about, said("a cat"))


def test_there_are_not_more_sessions_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    store = Sessions(tmp_path)
    store.make("gallery", "likebut")
    store.make("gallery", "likebut")
    with pytest.raises(Refused, match="2 sessions"):
        store.make("gallery", "likebut")


def test_the_oldest_uploads_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from PIL import Image

    monkeypatch.setattr(module, "UPLOADS", 2)
    store, kept = Sessions(tmp_path), []
    for number in range(4):
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4), (number, 0, 0)).save(buffer, "PNG")
        kept.append(store.keep_picture("", buffer.getvalue()))
        os.utime(kept[-1], (number, number))
    assert [path.exists() for path in kept] == [False, False, True, True]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--sessions"):
        Sessions(tmp_path / "file" / "sessions")
