"""`chat` by pipe: every line is answered as it comes, a problem is one line, and the others go on."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.cli.conftest import Outcome, Run

Chat = Callable[..., Outcome]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def chat(likebut: Run, gallery: Path, monkeypatch: pytest.MonkeyPatch) -> Chat:
    """Pipe lines into `likebut chat` on the drawn gallery."""

    def run(lines: str | bytes, *arguments: str | Path) -> Outcome:
        data = lines if isinstance(lines, bytes) else lines.encode("utf-8", "surrogateescape")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return likebut("chat", *arguments, "--in", gallery)

    return run


def records(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.out.splitlines()]


def ids(record: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in record["ranking"]["hits"]]


def test_every_sentence_of_a_pipe_is_answered_and_a_pick_is_the_next_reference(
    chat: Chat, reference: Path
) -> None:
    outcome = chat("at night\n:pick 2\n\nwith a dog\n", reference, "-k", "3", "-f", "jsonl")
    assert outcome.code == 0
    first, second = records(outcome)
    assert [(one["line"], one["turn"]) for one in (first, second)] == [(1, 2), (4, 3)]
    assert first["query"]["modification"] == "at night"
    assert second["query"]["reference"].endswith(ids(first)[1])
    assert [said["modification"] for said in second["query"]["history"]] == ["at night"]
    assert outcome.err.splitlines()[-1] == f"picked {ids(first)[1]}: the next sentence is about it"
    assert "\x1b" not in outcome.out + outcome.err
    assert "but>" not in outcome.out + outcome.err


def test_a_session_may_begin_with_a_sentence(chat: Chat) -> None:
    (found,) = records(chat("two red apples\n", "-f", "jsonl"))
    assert found["query"]["reference"] is None
    assert len(ids(found)) == 10


def test_tables_stand_apart_and_say_what_is_wanted_on_stderr(chat: Chat, reference: Path) -> None:
    outcome = chat("at night\n:undo\n:go 2\n", reference, "-k", "2")
    tables = outcome.out.split("\n\n")
    assert [table.split()[:3] for table in tables] == [["rank", "score", "path"]] * 3
    assert tables[0].strip() == tables[2].strip() != tables[1].strip()
    assert outcome.err.count("turn 2: ") == 2
    assert chat("at night\n:undo\n", reference, "-k", "2", "-f", "paths").out.count("\n") == 5


def test_a_line_that_cannot_be_done_is_one_line_and_the_others_are_answered(
    chat: Chat, reference: Path
) -> None:
    lines = ":pick 7\nat night\n:wieght\n:go 9\n:more 1\n"
    outcome = chat(lines, reference, "-k", "3", "-f", "jsonl")
    assert outcome.code == 5
    found = records(outcome)
    assert [one["error"] != "" for one in found] == [True, False, True, True, False]
    assert [one["line"] for one in found] == [1, 2, 3, 4, 5]
    errors = [line for line in outcome.err.splitlines() if line.startswith("error")]
    assert errors == [
        "error: line 1: no hit 7 — hits have ranks from 1 to 3",
        "error: line 3: no command :wieght — did you mean ':weight'?",
        "error: line 4: no turn 9 — there are 2",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"x" * 20_000, "more than 10,000 characters"),
        (b"x" * 900_000, "more than 10,000 characters"),
        ("é€𝄞".encode() * 5_000, "more than 10,000 characters"),
        (b"a \0 b", "control characters"),
        (b"\x1b[2J", "control characters"),
        (b"a \xff b", "not UTF-8"),
        (b":set caption=\xff", "not UTF-8"),
        (b":add forbidden \xff", "not UTF-8"),
        (b":pick 99999999999", "no hit 99999999999"),
        (b":pick " + b"9" * 5000, "no hit 9999"),
        (":pick ²".encode(), "no hit ²"),
        (b":pick", "which hit?"),
        (b":more", "which hit?"),
        (b":weight x=nan", "'x=nan' is not grain=number: not between"),
        (b":weight reference=1e999", "not between"),
        (b":weight reference=", "is not grain=number"),
        (b":weight reference=1 junk", "'junk' is not grain=number"),
        (b":weight tarjet_caption=1", "did you mean 'target_caption'"),
        (b":weight forbidden:x=1", "no grain 'forbidden:x'"),
        (b":set", "set what?"),
        (b":set caption", "is not field=text"),
        (b":set targets=x", "no field 'targets'"),
        (b":set self=x", "no field 'self'"),
        (b":set target_caption=", "leave its grain out: :weight target_caption=0"),
        (b":add", "no list ''"),
        (b":add forbiden a dog", "did you mean 'forbidden'"),
        (b":add forbidden", "nothing to add to forbidden"),
        (b":drop nothing like it", "no element 'nothing like it'"),
        (b":go", "which number?"),
        (b":go x", "'x' is no number"),
        (b":go -1", "'-1' is no number"),
        (b":k 0", "0 hits cannot be shown"),
        (b":why 9", "no hit 9"),
        (b":open 9", "no hit 9"),
        (b":copy", "no folder is named"),
        (b":copy 1 2", "no folder is named"),
        (b":save", "save where?"),
        (b":save .", "is a folder"),
        (b":save " + b"n" * 3000, "File name too long"),
        (b":load", "load what?"),
        (b":load nowhere.json", "cannot read the dialogue in nowhere.json"),
        (b":report", "a report where?"),
        (b":start", "start with what?"),
        (b":start -", "standard input has the lines"),
        (b":start ~nobody/x.png", "no reference image at ~nobody/x.png"),
        (b":start 9", "no hit 9"),
        (b":start " + b"p/" * 3000, "File name too long"),
        (b":", "no command :"),
        (b"::", "no command ::"),
    ],
)
def test_hostile_lines_are_one_line_each_and_change_nothing(
    chat: Chat, reference: Path, line: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = chat(b":k 3\n" + line + b"\n:turns\n", reference, "-f", "paths")
    assert outcome.code == 5
    assert "Traceback" not in outcome.err
    (error,) = [one for one in outcome.err.splitlines() if one.startswith("error: line 2: ")]
    assert words in error
    assert len(error) < 1500
    assert outcome.err.splitlines()[-1] == ">  1  pictures like it"
    assert list(tmp_path.iterdir()) == []


def test_sentences_of_any_script_are_sentences(chat: Chat, reference: Path) -> None:
    outcome = chat("\ufeffمع كلب \u202e\n🐶🐶\n\twith\ta  dog\r\n", reference, "-f", "jsonl")
    assert outcome.code == 0
    said = [one["query"]["modification"] for one in records(outcome)]
    assert said == ["مع كلب \u202e", "🐶🐶", "with a dog"]


def test_weights_are_shown_as_bars_and_changed_by_names_with_spaces(chat: Chat, reference: Path) -> None:
    name = next(
        name
        for name in chat("at night\n:weight\n", reference).err.splitlines()
        if name.startswith("preserved:")
    ).rsplit(maxsplit=2)[0]
    outcome = chat(f"at night\n:weight {name}=0.75 reference=-0.5\n:weight\n", reference, "-f", "jsonl")
    grains = {one["name"]: one["weight"] for one in records(outcome)[1]["grains"]}
    assert (grains[name], grains["reference"]) == (0.75, -0.5)
    bars = {line.rsplit(maxsplit=2)[0]: line for line in outcome.err.splitlines() if "█" in line}
    assert bars["target_caption"].count("█") == 40
    assert bars["reference"].split()[1] == "-0.5"
    assert bars["reference"].count("█") == 20


def test_what_was_understood_is_changed_by_field_and_by_element(chat: Chat, reference: Path) -> None:
    lines = (
        "at night\n:set target_caption=a red apple\n:add forbidden a dog\n:add forbidden a  cat\n"
        ":drop A Dog\n:drop forbidden:a cat\n"
    )
    found = records(chat(lines, reference, "-f", "jsonl"))
    assert [one["intent"]["target_caption"] for one in found[1:]] == ["a red apple"] * 5
    before = found[1]["intent"]["forbidden"]
    assert [one["intent"]["forbidden"] for one in found[2:]] == [
        [*before, "a dog"],
        [*before, "a dog", "a cat"],
        [*before, "a cat"],
        before,
    ]


def test_more_and_less_mark_hits_and_the_disliked_are_gone(chat: Chat, reference: Path) -> None:
    first, more, less = records(
        chat("at night\n:more 2 2 3\n:less 1\n", reference, "-k", "4", "-f", "jsonl")
    )
    assert more["query"]["liked"] == ids(first)[1:3]
    assert less["query"]["disliked"] == ids(more)[:1]
    assert ids(more)[0] not in ids(less)


def test_why_says_the_reasoning_and_all_shares_of_one_hit(chat: Chat, reference: Path) -> None:
    outcome = chat("at night\n:why 2\n", reference, "-k", "3")
    assert "target caption: " in outcome.err
    shown = [line.split()[0] for line in outcome.err.splitlines() if line[:4].strip().isdecimal()]
    assert shown == ["2"]
    assert "reference" in outcome.err.split("seconds:")[1]


def test_the_session_asks_back_and_an_answer_is_the_next_turn(chat: Chat, reference: Path) -> None:
    outcome = chat("at night\n:ask\n:ask 2\n:ask 9\n", reference, "-f", "jsonl")
    asked, first, second, error = outcome.err.splitlines()[-4:]
    assert asked.startswith("Should it show ")
    assert first.startswith("  1. with ")
    assert records(outcome)[1]["query"]["modification"] == second.removeprefix("  2. ")
    assert error == "error: line 4: no answer 9 — 2 were offered; :ask asks"


def test_a_gallery_that_changed_is_not_asked_about(chat: Chat, reference: Path, tmp_path: Path) -> None:
    file = tmp_path / "cats.json"
    chat(f"at night\n:save {file}\n", reference)
    record = json.loads(file.read_text())
    record["turns"][1]["trace"]["ranking"]["hits"][0]["row"] += 1
    file.write_text(json.dumps(record))
    outcome = chat(":ask\n:k 10\n:ask\n", "--session", file)
    assert "line 1: the gallery has changed since this turn — :k 10 ranks it anew" in outcome.err
    assert "Should it show" in outcome.err


def test_turns_are_a_tree_that_says_where_one_is(chat: Chat, reference: Path) -> None:
    outcome = chat(
        "at night\n:go 1\nas a sketch\n:pick 1\nby day\n:go 2\n:turns\n", reference, "-f", "paths"
    )
    tree = [line.split(" → ")[0] for line in outcome.err.splitlines()[-4:]]
    assert tree[0] == "   1  pictures like it"
    assert tree[1] == ">  2    at night"
    assert tree[2] == "   3    as a sketch"
    assert tree[3].startswith("   4    from scene-")
    assert tree[3].endswith(": by day")


def test_k_shows_the_same_turn_with_more_hits(chat: Chat, reference: Path) -> None:
    few, many, fewer = records(chat("at night\n:k 6\n:k 2\n:turns\n", reference, "-k", "3", "-f", "jsonl"))
    assert ids(many)[:3] == ids(few)
    assert (len(ids(many)), len(ids(fewer))) == (6, 2)
    assert {one["turn"] for one in (few, many, fewer)} == {2}


def test_before_the_first_turn_there_is_nothing_to_look_at(chat: Chat, reference: Path) -> None:
    for line in (
        ":undo",
        ":weight",
        ":more 1",
        ":pick 1",
        ":add forbidden x",
        ":why",
        ":report x",
        ":open",
    ):
        outcome = chat(f"{line}\n", "-f", "jsonl")
        assert outcome.code == 5, line
    assert "nothing was said yet" in chat(":turns\n").err
    assert "before the first turn" in chat(":go 0\n", reference).err
    assert chat(":help\n:unpick\n:k 4\n").code == 0


def test_a_hit_or_a_picture_begins_anew_beside_the_turns_that_are_there(
    chat: Chat, reference: Path, gallery: Path
) -> None:
    other = gallery / "scene-00009.png"
    outcome = chat(f"at night\n:start 2\n:start {other}\n:turns\n", reference, "-k", "3", "-f", "jsonl")
    first, hit, file = records(outcome)
    assert hit["query"]["reference"].endswith(ids(first)[1])
    assert file["query"]["reference"] == str(other)
    assert (hit["turn"], file["turn"], file["query"]["modification"]) == (3, 4, "")
    assert outcome.err.splitlines()[-1] == ">  4  pictures like it"


def test_a_session_goes_on_from_its_file(chat: Chat, reference: Path, tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "cats.json"
    saved = chat(f"at night\n:pick 3\n:save {file}\n:save\n", reference, "-k", "3", "-f", "jsonl")
    assert saved.code == 0
    assert saved.err.splitlines()[-1] == f"{file}: 2 turns"
    (found,) = records(chat("with a dog\n", "--session", file, "-f", "jsonl"))
    assert found["query"]["reference"].endswith(ids(records(saved)[0])[2])
    loaded = records(chat(f"a red apple\n:load {file}\n:undo\n", "-f", "jsonl"))
    assert [one["query"]["modification"] for one in loaded] == ["a red apple", "at night", ""]


def test_only_a_dialogue_is_saved_over_and_that_is_said(
    chat: Chat, reference: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text('{"kind": "diary"}')
    outcome = chat(f"at night\n:save {mine}\n:report {mine}\n", reference)
    assert outcome.code == 5
    assert "is there already and holds no dialogue" in outcome.err
    assert "is no report" in outcome.err
    assert mine.read_text() == '{"kind": "diary"}'
    chat(f"at night\n:save {tmp_path}/a.json\n", reference)
    told = chat(f"at night\nby day\n:save {tmp_path}/a.json\n", reference).err
    assert told.splitlines()[-1] == f"{tmp_path}/a.json: 3 turns, in place of the 2 that it held"


def test_hits_are_copied_and_reported_from_where_one_is(
    chat: Chat, reference: Path, tmp_path: Path
) -> None:
    lines = f"at night\n:copy 1 3 {tmp_path}/my choice\n:copy {tmp_path}/all\n:report {tmp_path}/way.html\n"
    outcome = chat(lines, reference, "-k", "4", "-f", "jsonl")
    assert outcome.code == 0, outcome.err
    first = records(outcome)[0]
    names = [f"{rank:03d}-{ids(first)[rank - 1]}" for rank in (1, 3)]
    assert sorted(path.name for path in (tmp_path / "my choice").iterdir()) == names
    assert len(list((tmp_path / "all").iterdir())) == 4
    page = (tmp_path / "way.html").read_text()
    assert page.count('<section class="query"') == 2
    assert "at night" in page


def test_pictures_are_drawn_into_a_pipe_where_that_is_asked_for(chat: Chat, reference: Path) -> None:
    outcome = chat("at night\n", reference, "-k", "6", "-f", "paths", "--preview-as", "blocks")
    assert outcome.err.count("▀") > 1000
    assert "▀" not in outcome.out
    assert "in terminals only" in chat("at night\n", reference, "--pictures").err
    assert "▀" not in chat("at night\n", reference, "--no-pictures", "--preview-as", "blocks").err


def test_what_cannot_begin_ends_with_its_own_code(chat: Chat, reference: Path, tmp_path: Path) -> None:
    for arguments, code, words in (
        ((tmp_path / "none.png",), 3, "no reference image"),
        (("-",), 2, "standard input has the lines"),
        (("--session", tmp_path / "none.json"), 3, "cannot read the dialogue"),
        ((reference, "--session", "x.json"), 2, "a session has its picture"),
        ((reference, "--recipe", "none"), 2, "no recipe"),
    ):
        outcome = chat("at night\n", *arguments)
        assert (outcome.code, outcome.out) == (code, ""), outcome.err
        assert words in outcome.err


def test_a_limit_of_calls_fails_the_lines_that_need_more(chat: Chat, reference: Path) -> None:
    outcome = chat("at dawn with a tree\n:weight\n", reference, "--max-calls", "0", "-f", "jsonl")
    assert outcome.code == 5
    (refused,) = records(outcome)
    assert "the budget is reached" in refused["error"]


def test_a_pipe_leaves_nothing_in_the_users_place(chat: Chat, reference: Path, own_cache: Path) -> None:
    chat("at night\n", reference)
    assert [path for path in own_cache.parent.iterdir() if "sqlite" not in path.name] == []


def test_lines_are_answered_one_by_one_while_the_gallery_changes(gallery: Path, tmp_path: Path) -> None:
    """A picture that was found is deleted, the index goes, and at last all of it."""
    folder = tmp_path / "pictures"
    shutil.copytree(gallery, folder)
    arguments = ("run.py", "chat", folder / "scene-00003.png", "--in", folder, "-k", "3", "-f", "jsonl")
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout

    def ask(line: str) -> dict[str, Any]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    first = ask("at night")
    assert first["error"] == ""
    os.unlink(folder / ids(first)[1])
    assert "the reference cannot be used" in ask(f":pick {ids(first)[1]}\nby day")["error"]
    shutil.rmtree(folder / ".likebut")
    assert ask(":unpick\nas a sketch")["error"] == ""
    shutil.rmtree(folder)
    assert "the reference cannot be used" in ask("in winter")["error"]
    assert "could not be copied" in ask(f":copy 1 {tmp_path}/copies")["error"]
    _, err = process.communicate()
    assert process.returncode == 5
    assert b"Traceback" not in err


def test_a_reader_that_goes_away_ends_it_quietly(gallery: Path, reference: Path) -> None:
    command = (
        f"(for n in 1 2 3 4; do echo at night; sleep 0.2; done) | "
        f"({sys.executable} run.py chat {reference} --in {gallery} -f paths -k 1; echo $? >&2) | head -1"
    )
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, check=False, timeout=120)
    assert done.stderr.decode().splitlines()[-1] == "0"
    assert b"Traceback" not in done.stderr
