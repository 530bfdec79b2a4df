"""Settings typed once: which value holds, where it came from, and what is said of a broken one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from likebut.pipeline.cli.settings import find, gallery
from likebut.pipeline.errors import ConfigError
from tests.pipeline.cli.conftest import Run


def test_a_query_with_gallery_recipe_and_format_set_needs_no_option(
    likebut: Run, gallery: Path, reference: Path, own_settings: Path
) -> None:
    own_settings.write_text(f'gallery = "{gallery}"\nrecipe = "image-only"\nformat = "json"\n')
    outcome = likebut("query", reference, "-k", "2")
    assert outcome.code == 0
    record = json.loads(outcome.out)
    assert (record["recipe"], len(record["ranking"]["hits"])) == ("image-only", 2)


def test_an_option_comes_before_the_environment_and_that_before_the_file(
    likebut: Run, gallery: Path, reference: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_settings.write_text(f'gallery = "{gallery}"\nrecipe = "nonsense"\nformat = "csv"\n')
    monkeypatch.setenv("LIKEBUT_RECIPE", "image-only")
    monkeypatch.setenv("LIKEBUT_FORMAT", "json")
    assert likebut("query", reference, "-k", "1").out.startswith("{")
    assert likebut("query", reference, "-k", "1", "-f", "paths").out.count("\n") == 1


def test_a_gallery_that_is_an_index_is_opened_as_one(
    likebut: Run, gallery: Path, reference: Path, own_settings: Path, tmp_path: Path
) -> None:
    assert likebut("index", "build", gallery, "--out", tmp_path / "pets.index").code == 0
    own_settings.write_text(f'gallery = "{tmp_path / "pets.index"}"\n')
    assert likebut("query", reference, "--recipe", "image-only", "-f", "paths").code == 0
    (tmp_path / "other").mkdir()
    named = likebut("query", reference, "--in", tmp_path / "other", "--recipe", "image-only")
    assert str(tmp_path / "pets.index") not in named.out + named.err


def test_paths_in_the_file_are_taken_from_its_folder_and_home(
    own_settings: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    own_settings.write_text('gallery = "~/Pictures"\n')
    assert find("gallery").value == str(tmp_path / "Pictures")
    own_settings.write_text('gallery = "beside/it"\n')
    assert find("gallery").value == str(own_settings.parent / "beside/it")
    monkeypatch.setenv("LIKEBUT_GALLERY", "here")
    assert find("gallery").value == "here"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('profil = "cpu"', ("unknown key 'profil'", "did you mean 'profile'")),
        ("profile = 3", ("profile is not a text",)),
        ('profile = "cpuu"', ("profile: no profile 'cpuu'", "'cpu'")),
        ('recipe = "cirvl"', ("recipe: no recipe 'cirvl'", "'cirevl'")),
        ('format = "jsn"', ("format: no format 'jsn'", "'json'")),
        ("profile = ", ("not valid TOML",)),
        ("\x00\xff", ("not valid TOML",)),
    ],
)
def test_a_broken_file_is_one_line_naming_file_and_key(
    likebut: Run, gallery: Path, reference: Path, own_settings: Path, text: str, words: tuple[str, ...]
) -> None:
    own_settings.write_text(text, encoding="latin-1")
    outcome = likebut("query", reference, "--in", gallery)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert all(word in outcome.err for word in (str(own_settings), *words))
    assert likebut("query", "--help").code == 0
    doctor = likebut("doctor")
    assert doctor.code == 2  # after everything it has to say
    assert "pocket-clip" in doctor.out
    assert "broken" in doctor.out


def test_a_folder_in_place_of_the_file_is_one_line(likebut: Run, own_settings: Path) -> None:
    own_settings.mkdir()
    outcome = likebut("settings", "show")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)


def test_doctor_says_where_each_setting_came_from(
    likebut: Run, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_settings.write_text('recipe = "cirevl"\n')
    monkeypatch.setenv("LIKEBUT_PROFILE", "cpu")
    rows = {row["what"]: row["value"] for row in json.loads(likebut("doctor", "-f", "json").out)}
    assert rows["profile"] == "cpu (LIKEBUT_PROFILE)"
    assert rows["recipe"] == f"cirevl ({own_settings})"
    assert rows["format"] == "table (default)"


def test_benchmarks_take_a_profile_but_no_gallery_and_no_recipe(
    likebut: Run, own_settings: Path, tmp_path: Path
) -> None:
    own_settings.write_text('recipe = "cirvl"\ngallery = "/nowhere"\nprofile = "pocket"\n')
    outcome = likebut("eval", "cirr", "--data", tmp_path, "--out", tmp_path / "run")
    assert "recipe" not in outcome.err
    assert "nowhere" not in outcome.err
    own_settings.write_text('profile = "cpuu"\n')
    outcome = likebut("eval", "cirr", "--data", tmp_path, "--out", tmp_path / "run")
    assert "no profile 'cpuu'" in outcome.err


def test_format_paths_is_left_to_commands_that_rank_pictures(
    likebut: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIKEBUT_FORMAT", "paths")
    assert "description" in likebut("profiles", "list").out
    monkeypatch.setenv("LIKEBUT_FORMAT", "jsonl")
    assert likebut("profiles", "list").out.startswith('{"schema_version": 1, "name"')


def test_help_shows_the_value_that_holds(likebut: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEBUT_RECIPE", "cirevl")
    assert "default: cirevl" in likebut("query", "--help").out
    monkeypatch.setenv("LIKEBUT_RECIPE", "nonsense")
    assert "default: likebut" in likebut("query", "--help").out


def test_set_changes_one_line_and_keeps_the_others(likebut: Run, own_settings: Path) -> None:
    own_settings.write_text('# mine\nprofile = "gpu"  # big\n\nformat = "csv"\n')
    assert likebut("settings", "set", "profile", "cpu").code == 0
    assert own_settings.read_text() == '# mine\nprofile = "cpu"\n\nformat = "csv"\n'
    assert likebut("settings", "unset", "format").code == 0
    assert own_settings.read_text() == '# mine\nprofile = "cpu"\n\n'
    assert find("format").source == "default"


def test_set_makes_the_file_and_an_absolute_path(
    likebut: Run, own_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_settings.parent.rmdir()
    folder = tmp_path / 'my "pictures" é'
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    assert likebut("settings", "set", "gallery", folder.name).code == 0
    assert gallery() == (None, folder)
    assert likebut("settings", "path").out.strip() == str(own_settings)


def test_set_refuses_what_would_not_be_read(likebut: Run, own_settings: Path, tmp_path: Path) -> None:
    for key, value in (("profile", "cpuu"), ("format", "x"), ("gallery", "none"), ("profil", "cpu")):
        assert likebut("settings", "set", key, value).code == 2
    assert not own_settings.exists()
    own_settings.write_text('profile = """\ncpu"""\n')
    assert likebut("settings", "set", "profile", "gpu").code == 2
    assert own_settings.read_text() == 'profile = """\ncpu"""\n'


def test_a_value_with_an_empty_variable_is_as_if_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEBUT_PROFILE", "")
    assert find("profile").source == "default"
    monkeypatch.setenv("LIKEBUT_PROFILE", "nope")
    with pytest.raises(ConfigError, match="LIKEBUT_PROFILE: no profile 'nope'"):
        find("profile")


def test_every_command_with_such_an_option_takes_the_setting_or_is_named_here() -> None:
    code = (
        "import typer.main, json\n"
        "from likebut.pipeline.cli.app import app\n"
        "from likebut.pipeline.cli.settings import default_map\n"
        "out = []\n"
        "def walk(command, path, taken):\n"
        "    for name, sub in getattr(command, 'commands', {}).items():\n"
        "        walk(sub, [*path, name], taken.get(name, {}))\n"
        "    for option in command.params:\n"
        "        if option.name in ('profile', 'recipe', 'form') and option.name not in taken:\n"
        "            out.append(' '.join([*path, option.name]))\n"
        "walk(typer.main.get_command(app), [], default_map())\n"
        "print(json.dumps(out))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) == {
        "batch form",  # a line of a stream is not a table
        "doctor profile",  # checks this machine, or the profile that is named
        "eval recipe",  # what is measured is named
        "cache import recipe",  # as is what was published
        "tune recipe",
        "prompts check profile",  # tokens of the profiles that are named
        "prompts render profile",
        "prompts compare profile",  # the run's comes first, then the setting
        "prompts edit profile",  # the trace's comes first, then the setting
        "prompts edit recipe",
        "dialogue replay profile",  # the dialogue's comes first, too
        "dialogue replay recipe",
        "settings show form",
    }


def test_a_gallery_that_is_gone_is_named_with_its_source(
    likebut: Run, reference: Path, own_settings: Path
) -> None:
    own_settings.write_text('gallery = "gone"\n')
    outcome = likebut("query", reference)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert f"{own_settings}: gallery: no folder {own_settings.parent / 'gone'}" in outcome.err


def test_a_home_that_nobody_has_is_no_traceback(likebut: Run, reference: Path, own_settings: Path) -> None:
    for text in ('gallery = "~nobody-here/x"', 'profile = "~nobody-here/x.toml"'):
        own_settings.write_text(text)
        outcome = likebut("query", reference)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert str(own_settings) in outcome.err


def test_set_keeps_a_link_the_mode_and_odd_characters(
    likebut: Run, own_settings: Path, tmp_path: Path
) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text('# one\u2028line\r\nformat = "csv"', newline="")
    real.chmod(0o600)
    own_settings.symlink_to(real)
    assert likebut("settings", "set", "format", "json").code == 0
    assert own_settings.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert real.read_bytes().decode() == '# one\u2028line\r\nformat = "json"\n'
    assert [path.name for path in tmp_path.iterdir()] == ["dotfiles.toml"]
