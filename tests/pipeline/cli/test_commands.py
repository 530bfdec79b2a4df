"""The smaller commands, and what they must not import."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from likebut.pipeline.cli.app import COMMANDS, called, made
from tests.pipeline.cli.conftest import Run
from tests.pipeline.cli.test_bad_input import assert_one_line

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "transformers", "open_clip", "faiss", "pyarrow", "numpy")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom likebut.pipeline.cli.app import app\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_list_of_commands_imports_none_of_them() -> None:
    modules = {f"likebut.pipeline.cli.{what.module}" for what in COMMANDS.values()}
    code = (
        "import sys\nfrom likebut.pipeline.cli.program import main\n"
        f"try:\n    main()\nfinally:\n    print({modules!r} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "set()"
    assert all(name in done.stdout for name in COMMANDS)


def test_the_list_says_of_commands_what_they_say_themselves() -> None:
    def listed(app: typer.Typer) -> list[tuple[str, str]]:
        group = typer.main.get_command(app)
        return [(name, one.get_short_help_str(500)) for name, one in group.commands.items()]  # type: ignore[attr-defined]

    assert listed(called(["--help"])) == listed(made(*COMMANDS))
    helped = [CliRunner().invoke(app, ["--help"]).output for app in (called(["--help"]), made(*COMMANDS))]
    assert helped[0] == helped[1]
    assert "demo" in helped[0]


def test_a_completion_of_the_shell_knows_all_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert called([]) is called(["--help"])
    monkeypatch.setenv("_LIKEBUT_COMPLETE", "complete_bash")
    assert called([]) is called(["--help"]) is made(*COMMANDS)


# Of a query that is known, beside HEAVY's models: each takes longer to import than the answer does.
NOT_FOR_A_KNOWN_ANSWER = (
    "torch",
    "transformers",
    "open_clip",
    "tokenizers",
    "faiss",
    "scipy",
    "jsonschema",
    "pyarrow.compute",
    "numpy.ma",
    "fastapi",
    "likebut.pipeline.cli.batch",
    "likebut.pipeline.cli.tune",
)


def test_a_known_answer_imports_nothing_that_it_does_not_need(gallery: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from likebut.pipeline.cli.program import main\n"
        "try:\n    main()\n"
        "finally:\n"
        f"    print([m for m in {NOT_FOR_A_KNOWN_ANSWER!r} if m in sys.modules], file=sys.stderr)"
    )
    words = ["query", str(gallery / "scene-00003.png"), "at night", "--in", str(gallery)]
    command = [sys.executable, "-c", code, *words, "--cache", str(tmp_path / "c.sqlite"), "-f", "paths"]
    first, again = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert "torch" in first.stderr
    assert again.stderr.splitlines()[-1] == "[]"
    assert again.stdout == first.stdout


def test_a_command_is_made_without_the_others_and_none_of_them_is_lost() -> None:
    whole = typer.main.get_command(made(*COMMANDS))
    assert list(whole.commands) == [  # type: ignore[attr-defined]
        *(name for name, what in COMMANDS.items() if not hasattr(what, "app")),
        *(name for name, what in COMMANDS.items() if hasattr(what, "app")),
    ]
    for name in COMMANDS:
        alone = typer.main.get_command(called([name, "--help"]))
        assert list(alone.commands) == [name]  # type: ignore[attr-defined]
        assert alone.help == whole.help
    assert called(["qurey"]) is called(["--show-completion"]) is made(*COMMANDS)


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("query",),
        ("batch",),
        ("index",),
        ("index", "build"),
        ("index", "caption"),
        ("index", "info"),
        ("index", "verify"),
        ("index", "remove"),
        ("recipes",),
        ("prompts",),
        ("prompts", "render"),
        ("prompts", "check"),
        ("prompts", "edit"),
        ("profiles",),
        ("doctor",),
        ("cache",),
        ("cache", "list"),
        ("cache", "export"),
        ("cache", "import"),
        ("cache", "prune"),
        ("pocket",),
        ("pocket", "draw"),
        ("demo",),
        ("eval",),
        ("score",),
        ("compare",),
        ("check-submission",),
    ],
)
def test_every_command_has_help(likebut: Run, command: tuple[str, ...]) -> None:
    outcome = likebut(*command, "--help")
    assert outcome.code == 0
    assert "Usage" in outcome.out


def test_commands_that_do_something_teach_by_example(likebut: Run) -> None:
    for command in ("query", "batch", "doctor", "demo"):
        assert "Example" in likebut(command, "--help").out


def test_version_is_printed(likebut: Run) -> None:
    assert likebut("--version").out.startswith("likebut ")


def test_an_unknown_option_is_a_usage_error(likebut: Run) -> None:
    assert likebut("query", "--wieght", "1").code == 2


def test_recipes_prompts_and_profiles_are_listed_and_shown(likebut: Run) -> None:
    assert {row["name"] for row in json.loads(likebut("recipes", "list", "-f", "json").out)} >= {
        "likebut",
        "cirevl",
        "image-only",
        "text-only",
    }
    names = {row["name"] for row in json.loads(likebut("profiles", "list", "-f", "json").out)}
    assert names >= {"pocket", "cpu", "gpu", "server"}
    assert "target_caption" in likebut("recipes", "show", "likebut").out
    assert "encoder" in likebut("profiles", "show", "cpu").out
    assert "reason/likebut" in likebut("prompts", "list").out
    assert "+++" in likebut("prompts", "show", "reason/likebut").out


def test_a_prompt_is_rendered_with_variables(likebut: Run) -> None:
    outcome = likebut(
        "prompts",
        "render",
        "reason/likebut",
        "--var",
        "caption=a red apple",
        "--var",
        "modification=make it blue",
    )
    assert "Caption: a red apple\nModification: make it blue" in outcome.out
    assert likebut("prompts", "render", "reason/likebut", "--var", "caption").code == 2
    assert likebut("prompts", "render", "reason/likebut").code == 2


def test_doctor_finds_this_machine_fit(likebut: Run) -> None:
    outcome = likebut("doctor", "-f", "json")
    rows = {row["what"]: row["state"] for row in json.loads(outcome.out)}
    assert outcome.code == 0
    assert rows["torch"] == rows["pocket-clip"] == "ok"


def test_pocket_draw_writes_a_gallery(likebut: Run, tmp_path: Path) -> None:
    outcome = likebut(
        "pocket", "draw", "--out", tmp_path / "g", "--count", "8", "--queries", "2", "--seed", "3"
    )
    assert outcome.code == 0
    assert len(list((tmp_path / "g").glob("*.png"))) == 8
    assert len((tmp_path / "g" / "queries.jsonl").read_text().splitlines()) == 2


def test_cache_info_counts_answers(likebut: Run, gallery: Path, reference: Path, own_cache: Path) -> None:
    assert "not made yet" in likebut("cache", "info").out
    likebut("query", reference, "at night", "--in", gallery)
    shown = likebut("cache", "info").out
    assert "not made yet" not in shown
    assert "captioner" in shown


def test_an_index_is_built_shown_verified_and_trimmed(likebut: Run, gallery: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert "120 pictures" in likebut("index", "build", gallery, "--out", index).err
    assert "120 unchanged" in likebut("index", "build", gallery, "--out", index).err
    assert json.loads(likebut("index", "info", index, "-f", "json").out)[0]["items"] == 120
    assert likebut("index", "verify", index).code == 0
    assert "10 items removed" in likebut("index", "remove", index, "scene-0000?.png").err
    assert json.loads(likebut("index", "info", index, "-f", "json").out)[0]["items"] == 110
    assert_one_line(likebut("index", "remove", index, "scene-0000?.png"), 3, "no item of")


def test_an_index_says_what_it_left_out_and_keeps_its_roots(
    likebut: Run, gallery: Path, tmp_path: Path
) -> None:
    mine, index = tmp_path / "mine", tmp_path / "index"
    mine.mkdir()
    for name in ("scene-00001.png", "scene-00002.png"):
        shutil.copy(gallery / name, mine)
    (mine / "a.heic").write_text("x")  # its plugin is not among those that tests have
    built = likebut("index", "build", mine, "--out", index)
    assert "left out: 1 .heic (pip install pillow-heif" in built.err
    refused = likebut("index", "build", gallery, "--out", index)
    assert_one_line(refused, 2, "would lose those of", "--change-roots")
    assert "2 unchanged" in likebut("index", "build", mine, "--out", index).err
    reread = likebut("index", "build", mine, "--out", index, "--reread")
    assert "encoded" not in reread.err
    assert likebut("index", "verify", index, "--content").code == 0
    (mine / "scene-00001.png").unlink()
    gone = likebut("index", "verify", index, "--content")
    assert (gone.code, "gone: " in gone.err, "--reread" in gone.err) == (3, True, True)
    moved = likebut("index", "build", gallery / "scene-00001.png", "--out", index, "--change-roots")
    assert "1 pictures" in moved.err


def test_the_drawn_benchmark_is_drawn_only_where_that_is_asked_for(likebut: Run, tmp_path: Path) -> None:
    for command in (
        ("eval", "pocket", "--data", tmp_path / "typo", "--out", tmp_path / "runs"),
        ("tune", "--benchmark", "pocket", "--data", tmp_path / "typo", "--out", tmp_path / "t.toml"),
        ("eval", "pocket", "--data", tmp_path / "typo", "--out", tmp_path / "runs", "--dry-run"),
    ):
        assert_one_line(likebut(*command), 3, "no drawn benchmark in", "--draw")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_shard_is_found_by_verify(likebut: Run, gallery: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    likebut("index", "build", gallery, "--out", index)
    shard = next(index.glob("*.npy"))
    content = bytearray(shard.read_bytes())
    content[-5] ^= 0xFF
    shard.write_bytes(content)
    outcome = likebut("index", "verify", index)
    assert outcome.code == 3
    assert shard.name in outcome.err


def test_a_batch_is_answered_once_and_only_once(likebut: Run, gallery: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    first = likebut("batch", gallery / "queries.jsonl", "--in", gallery, "--out", out)
    assert first.code == 0, first.err
    assert len(out.read_text().splitlines()) == 20
    again = likebut("batch", gallery / "queries.jsonl", "--in", gallery, "--out", out)
    assert "0 answered, 20 already there" in again.err
    assert len(out.read_text().splitlines()) == 20


def test_a_small_demo_draws_asks_reports_and_marks_what_is_correct(
    likebut: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = likebut("demo", "--out", "here", "--count", "200")
    assert outcome.code == 0, outcome.err
    told = re.search(r"(\d+) of 12 queries have a correct picture in the top five", outcome.err)
    assert told
    html = (tmp_path / "here" / "index.html").read_text()
    assert html.count('class="yes"') >= int(told[1]) > 0
    assert "requests about photographs have the meant one" in outcome.err
    assert (tmp_path / "here" / "photographs.html").read_text().count("profile photos") > 13
    assert html.count('class="hit correct"') >= int(told[1])
