"""Every command of the README works as it is written there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
ELSEWHERE = ("git ", "make ", "pip ", "python ")  # continuous integration and users run these
# The drawn benchmark has thousands of pictures; a test draws a few.
SMALLER = ["-o", "pictures=60", "-o", "queries=8"]


def commands() -> list[str]:
    """The lines of all `sh` blocks that this version can run offline."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    return [line for line in lines if "needs a network" not in line and not line.startswith(ELSEWHERE)]


# What the sentences of the examples change; an example has to find a picture that shows it.
EDITS = {
    '"at night" --in': {"time": "night"},
    '"make it night" --in': {"time": "night"},
    '"as a sketch" --in': {"style": "sketch"},
}


def shown_queries() -> list[str]:
    """The queries of all code blocks that leave what was understood as it is."""
    text = README.read_text(encoding="utf-8")
    lines = re.findall(r"^(?:\$ )?(likebut query gallery/.*)$", text, re.MULTILINE)
    return [line.split(" --report")[0] for line in lines if "--set" not in line]


def transcripts() -> list[tuple[str, str]]:
    """What is piped into a command, and what is shown then."""
    text = README.read_text(encoding="utf-8")
    return re.findall(r"^\$ (printf .*)\n((?:(?!\$ |```).*\n)+)", text, re.MULTILINE)


def test_the_readme_has_commands_for_all_of_likebut() -> None:
    from likebut.pipeline.cli.app import app

    named = {group.name for group in app.registered_groups} | {c.name for c in app.registered_commands}
    longer = re.findall(r"^\$ likebut (\S+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    shown = {shlex.split(line)[1] for line in commands()} | set(longer)
    assert named - shown == {"demo"}  # shown as `make demo`


@pytest.mark.timeout(900)  # it is every command there is
def test_every_command_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from likebut.pipeline.cli.program import main

    monkeypatch.chdir(tmp_path)
    for line in commands():
        words = shlex.split(line, comments=True)
        assert words[0] == "likebut", line
        drawn = words[1] in ("eval", "tune") and "pocket" in words
        monkeypatch.setattr(sys, "argv", words + (SMALLER if drawn else []))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert not ended.value.code, f"{line}\n{printed.err}"
    assert (tmp_path / "report.html").is_file()
    told = Path("gallery/captions.jsonl").read_text().splitlines()
    scenes = [json.loads(line)["scene"] for line in told]
    for asked in (line for line in shown_queries() if any(edit in line for edit in EDITS)):
        words = [word for word in shlex.split(asked) if word != "--explain"]
        monkeypatch.setattr(sys, "argv", [*words, "-k", "3", "--format", "jsonl"])
        with pytest.raises(SystemExit):
            main()
        (trace,) = map(json.loads, capsys.readouterr().out.splitlines())
        found = [scenes[int(hit["id"][6:11])] for hit in trace["ranking"]["hits"]]
        wanted = scenes[int(words[2][-9:-4])] | next(EDITS[edit] for edit in EDITS if edit in asked)
        assert wanted in found, asked
        assert wanted != scenes[int(words[2][-9:-4])], f"{asked} changes nothing"
    assert_transcripts_are_true(tmp_path)


def assert_transcripts_are_true(folder: Path) -> None:
    """In the folder with the drawn gallery; then what is done with the session that was saved."""
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(README.parent / 'run.py'))}"
    lines = re.findall(r"^\$ (likebut dialogue .*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(transcripts()) == 1
    assert len(lines) == 3
    for line, shown in [*transcripts(), *((line, "") for line in lines)]:
        command = ["sh", "-c", line.replace("likebut", program)]
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        assert shown in ("", done.stdout)


def test_the_files_that_the_readme_links_to_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (README.parent / link).exists()]
    assert missing == []
