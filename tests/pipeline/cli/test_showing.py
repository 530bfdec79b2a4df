"""What a person sees of a query: paths as typed, links, bars that fit, pictures that open."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from likebut.indexes.contract import Box
from likebut.pipeline.cli.explaining import share_lines
from likebut.pipeline.records.trace import Hit
from tests.pipeline.cli.conftest import Run

LINK = re.compile(r"\x1b\]8;[^;]*;(file://[^\x1b]*)\x1b\\([^\x1b]*)\x1b\]8;;\x1b\\")


def test_relative_galleries_give_relative_paths_and_one_json(
    likebut: Run, gallery: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(gallery)
    monkeypatch.chdir(gallery.parent)
    ask = ("--recipe", "image-only", "-k", "1", "-f")
    spelled = {"gallery": "gallery", "./gallery/": "gallery", str(gallery): str(gallery)}
    records = []
    for typed, start in [*spelled.items(), (str(link), str(link))]:
        paths = likebut("query", "gallery/scene-00003.png", "--in", typed, *ask, "paths").out
        assert os.path.dirname(paths.strip()) == start
        out = likebut("query", f"{typed}/scene-00003.png", "--in", typed, *ask, "json").out
        record = json.loads(out)
        assert record["schema_version"] == 1
        hit = record["ranking"]["hits"][0]
        records.append((hit["id"], hit["path"], record["query"]["reference"]))
    assert len(set(records)) == 1
    assert records[0][1] == str(gallery / records[0][0])


def test_a_stream_of_paths_is_spelled_as_typed_too(
    likebut: Run, gallery: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(gallery.parent)
    lines = tmp_path / "q.jsonl"
    lines.write_text(json.dumps({"id": "1", "reference": str(gallery / "scene-00003.png")}))
    options = ("--in", "gallery", "--recipe", "image-only", "-k", "2", "-f", "paths")
    out = likebut("batch", lines, *options).out
    assert [path.split("/")[0] for path in out.strip().split("\t")] == ["gallery", "gallery"]


def test_an_edit_spells_paths_as_typed_and_in_json_one_way(
    likebut: Run, gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gallery.parent)
    edit = ("prompts", "edit", "gallery/scene-00003.png", "at night", "--in", "gallery")
    ask = (*edit, "--set", "target_caption=a cat", "-k", "2", "-f")
    shown = likebut(*ask, "paths").out.split()
    assert {os.path.dirname(path) for path in shown} == {"gallery"}
    record = json.loads(likebut(*ask, "json").out)
    assert record["schema_version"] == 1
    assert [row["path"] for row in record["hits"]] == [str(gallery.parent / p) for p in shown]


def test_paths_are_links_in_a_terminal_and_only_there(gallery: Path) -> None:
    hit = gallery / "scene 1.png"
    program = (
        "from pathlib import Path\n"
        "from likebut.pipeline.cli.output import Format\n"
        "from likebut.pipeline.cli.show import show_hits\n"
        "from likebut.pipeline.records.trace import *\n"
        "import sys\n"
        "hits = (Hit(1, 0, 'a', sys.argv[1], 0.5),)\n"
        "trace = Trace(Query('q', None, 't'), 'r', 'p', Description(), Intent('t'), (),"
        " Ranking(hits))\n"
        "show_hits(trace, Format.table)\n"
    )
    script = gallery.parent / "shows.py"
    script.write_text(program)

    def shown(**environ: str) -> str:
        ours, theirs = pty.openpty()
        base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
        root = str(Path(__file__).parents[3])
        environ = {"TERM": "xterm-256color", "COLUMNS": "200", "PYTHONPATH": root} | environ
        subprocess.run([sys.executable, script, hit], stdout=theirs, env=base | environ, check=True)
        os.close(theirs)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        return text

    assert LINK.findall(shown()) == [(hit.as_uri(), str(hit))]
    assert "%20" in hit.as_uri()
    assert "\x1b]8" not in shown(NO_COLOR="1")
    assert "\x1b]8" not in shown(TERM="dumb")


def hits() -> list[Hit]:
    shares = {f"desired:{'a long element of the picture ' * 3}{n}": 0.02 * n for n in range(9)}
    return [Hit(1, 0, "a", "a", 0.72, {"target_caption": 0.5, "forbidden:dog": -0.25, **shares})]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_bars_fit_the_terminal_and_the_rest_is_summed(width: int) -> None:
    lines = list(share_lines(hits(), width, every=False))
    assert max(map(len, lines)) <= width
    assert len(lines) == 5
    first, second = lines[0].count("█"), lines[1].count("█")
    assert abs(first - 2 * second) <= 1  # 0.5 beside 0.25, on one scale
    assert "target_cap" in lines[0]
    assert "-0.2500" in lines[1]
    # 0.02 · (0 + … + 8) = 0.72; the two largest, 0.16 and 0.14, are shown
    assert "7 more, +0.4200 (--explain-all)"[: width - 20] in lines[-1]
    assert len(list(share_lines(hits(), width, every=True))) == 11


def test_bars_of_no_share_and_of_nothing_are_no_error() -> None:
    assert list(share_lines([Hit(1, 0, "a", "a", 0.0, {})], 80, every=False)) == ["   1  +0.0000"]
    assert list(share_lines([], 80, every=True)) == []
    zero = list(share_lines([Hit(1, 0, "a", "a", 0.0, {"x": 0.0})], 80, every=False))
    assert zero == ["   1  +0.0000  x +0.0000"]


@pytest.mark.parametrize("columns", [80, 120])
def test_explain_wraps_long_texts_below_their_start(
    likebut: Run, gallery: Path, reference: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    caption = "a very long caption " * 12
    monkeypatch.setenv("COLUMNS", str(columns))
    asked = ("query", reference, "at night", "--in", gallery, "--set", f"caption={caption}")
    outcome = likebut(*asked, "-k", "2", "--explain")
    assert outcome.code == 0
    lines = outcome.err.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("        caption: "))
    assert lines[start + 1][:17].isspace()
    explained = [line for line in lines if not line.startswith(("warning", "pocket"))]
    assert max(map(len, explained)) <= columns
    assert "█" in outcome.err


def test_a_method_of_many_grains_shows_ten_of_them_and_all_on_request(
    likebut: Run, gallery: Path, reference: Path
) -> None:
    lists = "; ".join(f"thing {number}" for number in range(14))
    asked = ("query", reference, "at night", "--in", gallery, "--set", f"desired={lists}")
    first = likebut(*asked, "-k", "1", "--explain").err
    every = likebut(*asked, "-k", "1", "--explain-all").err
    assert first.count("grain: ") == 10
    assert f"… {every.count('grain: ') - 10} more (--explain-all)" in first
    assert every.count("desired:thing") == 2 * 14  # as grains, and as bars
    assert "more (" not in every


def test_open_starts_the_named_program_on_the_first_hits(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "opened"
    script = tmp_path / "view er"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{log}.part"; mv "{log}.part" "{log}"\n')
    script.chmod(0o755)
    monkeypatch.setenv("LIKEBUT_OPENER", f"'{script}' --full")
    ask = ("query", reference, "--in", gallery, "--recipe", "image-only", "-f", "paths")
    outcome = likebut(*ask, "-k", "3", "--open", "2")
    assert outcome.code == 0
    for _ in range(200):
        if log.exists():
            break
        time.sleep(0.05)
    assert log.read_text().splitlines() == ["--full", *outcome.out.splitlines()[:2]]


def test_a_missing_opener_is_told_before_anything_is_asked(
    likebut: Run, reference: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for named in ("no-such-viewer", "'half"):
        monkeypatch.setenv("LIKEBUT_OPENER", named)
        outcome = likebut("query", reference, "--in", tmp_path, "--open", "1")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        assert "LIKEBUT_OPENER" in outcome.err
    assert not (tmp_path / ".likebut").exists()


def test_pictures_may_be_drawn_one_way_whatever_the_terminal(
    likebut: Run, gallery: Path, reference: Path
) -> None:
    ask = ("query", reference, "--in", gallery, "--recipe", "image-only", "-f", "paths", "-k", "2")
    blocks = likebut(*ask, "--preview-as", "blocks").err
    assert blocks.count("\x1b[0m\n") == 2 * 24  # two square pictures of 48 columns
    assert likebut(*ask, "--preview-as", "sixel").err.count("\x1bPq") == 2
    assert "in terminals only" in likebut(*ask, "--preview").err


def test_where_a_grain_of_regions_was_met_stands_below_the_shares() -> None:
    name = "region/desired:cat"
    hit = Hit(1, 0, "a", "a", 0.5, {name: 0.5}, boxes={name: Box(0.5, 0, 1, 0.5)})
    assert list(share_lines([hit], 80, every=False))[-1].split() == [name, "met", "top", "right"]
